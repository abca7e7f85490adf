# ctest's output -> the output of failed tests, a table, counts. Variables: name, build, total [s], log_file.
# A result line: " 3/80 Test #12: core_rng ......   Passed    0.18 sec", or "***Failed", "***Skipped", "***Timeout", "***Not Run".
/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: / {
  test = $0
  sub(/^[^:]*: /, "", test)
  sub(/ .*/, "", test)
  seconds = $(NF - 1)
  if ($0 ~ / Passed /) result = "passed"
  else if ($0 ~ /\*\*\*(Skipped|Not Run \(Disabled\))/) result = "skipped"
  else result = "FAILED"
  rows[++n] = sprintf("%-9s %8.2f  %s", result, seconds, test)
  count[result]++
  order[n] = (result == "FAILED" ? 0 : result == "skipped" ? 1 : 2) " " test
  showing = result == "FAILED"
  if (showing) print "--- " test " ---"
  next
}
/^ *Start +[0-9]+: / { showing = 0; next }
/ tests passed, .* tests? failed out of / || /^No tests were found/ || /^Total Test time/ { showing = 0 }
/^No tests were found/ || /^CMake Error/ { print }
showing { print }
END {
  for (i = 2; i <= n; i++) { # failed ones first, then skipped ones, by name
    row = rows[i]; key = order[i]
    for (j = i - 1; j > 0 && order[j] > key; j--) { order[j + 1] = order[j]; rows[j + 1] = rows[j] }
    order[j + 1] = key; rows[j + 1] = row
  }
  printf "\n%-9s %8s  test (%s)\n", "result", "seconds", name
  for (i = 1; i <= n; i++) print rows[i]
  printf "\nbuild %d s, tests %d s, together %d s; all output: %s\n", build, total - build, total, log_file
  printf "%d passed, %d failed, %d skipped\n", count["passed"], count["FAILED"], count["skipped"]
}
