# C sources -> every change of one token that scripts/mutate.sh may make: kind, file, line, column, length, new text (tabs between).
# In CUDA sources (.cu, .cuh) also a barrier or the wait for a copy removed. Comments, texts and preprocessor lines are passed over. The sources are formatted, so a binary operator has blanks on both sides and a pointer has not.
function emit(kind, at, size, new) { printf "%s\t%s\t%d\t%d\t%d\t%s\n", kind, FILENAME, FNR, at, size, new }

# The line with comments, texts and characters blanked out, columns kept.
function clean(text,   out, i, c, pair) {
  out = ""
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1); pair = substr(text, i, 2)
    if (comment) {
      if (pair == "*/") { comment = 0; out = out " "; i++ }
      out = out " "
    } else if (quote != "") {
      if (c == "\\") { out = out " "; i++ } else if (c == quote) quote = ""
      out = out " "
    } else if (pair == "/*") { comment = 1; out = out "  "; i++ }
    else if (pair == "//") break
    else if (c == "\"" || c == "'") { quote = c; out = out " " }
    else out = out c
  }
  quote = ""
  return out
}

function number(token, at) {
  if (token ~ /^0[xX]/) return
  if (token ~ /[.eE]/) { if (token + 0 != 0) emit("constant", at, length(token), "(" token " * 2)"); return }
  suffix = token; sub(/^[0-9]+/, "", suffix)
  emit("constant", at, length(token), (token + 0 > 0 && (FNR + at) % 2 ? token - 1 : token + 1) suffix)
}

function word(token, at) {
  if (token in other) emit(token ~ /^(true|false)$/ ? "truth" : token ~ /^fm/ ? "bound" : "flow", at, length(token), other[token])
}

function operator(token, at, text) {
  if (token == "!" && substr(text, at + 1, 1) ~ /[A-Za-z_(]/) emit("logic", at, 1, "")
  else if ((token in swap) && substr(text, at - 1, 1) == " " && substr(text, at + length(token), 1) ~ /^ ?$/)
    emit(token ~ /^(<|<=|>|>=|==|!=)$/ ? "comparison" : token ~ /^(&&|\|\|)$/ ? "logic" : "arithmetic", at, length(token), swap[token])
}

BEGIN {
  split("< <= <= < > >= >= > == != != == + - - + * / / * && || || && += -= -= += *= /= /= *=", pairs, " ")
  for (i = 1; i in pairs; i += 2) swap[pairs[i]] = pairs[i + 1]
  split("true false false true fmin fmax fmax fmin fminf fmaxf fmaxf fminf break continue continue break", pairs2, " ")
  for (i = 1; i in pairs2; i += 2) other[pairs2[i]] = pairs2[i + 1]
}
FNR == 1 { comment = 0; quote = ""; macro = 0 }
{
  text = clean($0)
  skip = macro || text ~ /^[ \t]*#/
  macro = skip && $0 ~ /\\$/
  if (skip) next
  for (at = 1; at <= length(text);) {
    rest = substr(text, at)
    if (FILENAME ~ /[.]cuh?$/ && match(rest, /^(__sync(threads|warp)|babel_copy_async_wait<[A-Z0-9 -]+>)[(][)]/)) emit("barrier", at, RLENGTH, "(void)0")
    else if (match(rest, /^[A-Za-z_][A-Za-z0-9_]*/)) word(substr(rest, 1, RLENGTH), at)
    else if (match(rest, /^0[xX][0-9a-fA-F]+[uUlL]*/) || match(rest, /^[0-9]+[.]?[0-9]*([eE][-+]?[0-9]+)?[fFuUlL]*/)) number(substr(rest, 1, RLENGTH), at)
    else if (match(rest, /^\[[a-z_][A-Za-z0-9_]*\]/)) { # capitals are sizes of arrays
      emit("index", at, RLENGTH, "[" substr(rest, 2, RLENGTH - 2) " + 1]")
      RLENGTH = 1
    }
    else if (match(rest, /^(<<=|>>=|->|\+\+|--|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|\/=|%=|<<|>>)/)) operator(substr(rest, 1, RLENGTH), at, text)
    else { RLENGTH = 1; operator(substr(rest, 1, 1), at, text) }
    at += RLENGTH
  }
}
