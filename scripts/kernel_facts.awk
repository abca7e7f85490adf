# Facts of the kernels of one source: reads its .ptx, .info (what ptxas -v says) and .sass, writes one tab-separated line a kernel:
# name threads dynamic registers spill stack shared loop tensor async shared_ops global local ffma
# loop: instructions of the main loop, and of these the kinds; local: in the whole kernel. The main loop is the one with the most
# tensor-core instructions (of equals the shortest); without any, the longest that holds no other and touches memory; else the whole kernel.

function hex(s,    i, v) {
  for (i = 1; i <= length(s); i++) v = 16 * v + index("0123456789abcdef", substr(s, i, 1)) - 1
  return v
}

function kind(op) {
  if (op ~ /^(HMMA|IMMA|DMMA|BMMA|HGMMA|QGMMA)/) return "tensor"
  if (op ~ /^(LDGSTS|UBLKCP|UTMALDG)/) return "async"
  if (op ~ /^(LDSM|STSM|LDS|STS|ATOMS)/) return "shared"
  if (op ~ /^(LDL|STL)/) return "local"
  if (op ~ /^(LDG|STG|RED|ATOMG|ATOM|LD|ST)(\.|$)/) return "global"
  if (op ~ /^(FFMA|FADD|FMUL)/) return "ffma"
  return "other"
}

# Counts of the instructions from..to, in `count`.
function tally(from, to,    i) {
  split("", count)
  for (i = from; i <= to; i++) count[kind(ops[i])]++
}

function finish(    i, k, inner, memory, best_from, best_to, most, length_, best_length) {
  if (fn == "") return
  best_from = 1; best_to = n; most = 0; best_length = 0
  for (i = 1; i <= loops; i++) {
    tally(from[i], to[i])
    length_ = to[i] - from[i] + 1
    inner = 1
    for (k = 1; k <= loops; k++) if (k != i && from[k] >= from[i] && to[k] <= to[i] && to[k] - from[k] < to[i] - from[i]) inner = 0
    memory = count["global"] + count["shared"] + count["async"]
    if (count["tensor"] > most || (most > 0 && count["tensor"] == most && length_ < best_length) || (most == 0 && memory && inner && length_ > best_length)) {
      most = count["tensor"] + 0; best_from = from[i]; best_to = to[i]; best_length = length_
    }
  }
  tally(1, n)
  local_ops = count["local"] + 0
  tally(best_from, best_to)
  printf "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", fn, threads[fn] ? threads[fn] : "-", dynamic[fn], registers[fn], spill[fn], stack[fn],
    shared[fn], best_to - best_from + 1, count["tensor"], count["async"], count["shared"], count["global"], local_ops, count["ffma"]
  fn = ""
}

FILENAME ~ /\.ptx$/ && /^\.extern \.shared/ { name = $NF; sub(/\[.*/, "", name); dynamic_name = name }
FILENAME ~ /\.ptx$/ && /\.entry/ { entry = $0; sub(/.*\.entry /, "", entry); sub(/\(.*/, "", entry) }
FILENAME ~ /\.ptx$/ && /^\.maxntid/ { split($0, size, /[ ,]+/); threads[entry] = size[2] * (size[3] ? size[3] : 1) * (size[4] ? size[4] : 1) }
FILENAME ~ /\.ptx$/ && dynamic_name != "" && entry != "" && index($0, dynamic_name) { dynamic[entry] = 1 }

FILENAME ~ /\.info$/ && /Compiling entry function/ { split($0, quoted, "'"); entry = quoted[2] }
FILENAME ~ /\.info$/ && /bytes stack frame/ { stack[entry] = $1; spill[entry] = $5 + $9 }
FILENAME ~ /\.info$/ && /Used [0-9]+ registers/ {
  for (i = 1; i < NF; i++) {
    if ($(i + 1) ~ /^registers/) registers[entry] = $i
    if ($i == "bytes" && $(i + 1) ~ /^smem/) shared[entry] = $(i - 1)
  }
}

FILENAME ~ /\.sass$/ && /Function : / { finish(); fn = $3; n = loops = 0 }
FILENAME ~ /\.sass$/ && fn != "" && /^ *\/\*[0-9a-f]+\*\/ +[^ ]/ && /;/ {
  address = $1; gsub(/[^0-9a-f]/, "", address)
  op = $2 ~ /^@/ ? $3 : $2
  target = $2 ~ /^@/ ? 4 : 3
  n++
  ops[n] = op
  at[hex(address)] = n
  if (op ~ /^BRA/) {
    for (i = target; i <= NF && $i !~ /^0x/; i++) if ($i == ";") break
    if ($i ~ /^0x/) { # a jump back closes a loop
      t = $i; sub(/^0x/, "", t); gsub(/[^0-9a-f]/, "", t)
      if (hex(t) < hex(address)) { loops++; from[loops] = at[hex(t)]; to[loops] = n }
    }
  }
}
END { finish() }
