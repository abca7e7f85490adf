# The counters of one step (standard error of a program of the access-hook build, tests/simdev/counters.cpp) as a table, and their limits.
# A line: name (may hold spaces), then launches blocks threads barriers mma mma_flop shared, and four times bytes requests each ratio:
# global loads, global stores, shared loads, shared stores; then the calls of fmaf. -v wide=1.25 -v conflicts=1.1 -v reuse=10 -v extra=1.3 -v full=15: the limits.
# -v batch -v hidden -v embedding -v inputs: of the step; inputs = the sum of both widths.
function complain(text) {
  print "kernel_counters: " text > "/dev/stderr"
  bad = 1
}
function ratio(what, value, limit) {
  if (value > worst[limit]) worst[limit] = value
  if (value > limit) complain(name ": " what " cost " value " times the least possible, at most " limit)
}

# Bytes that a step of a first phase cannot do without, operands of matrix products left out.
function compulsory(    b, h, e, tower, prototype, floats) {
  b = batch; h = hidden; e = embedding
  tower = inputs * h + 2 * (h * h + h * e + 2 * h + e) # parameters of both
  prototype = 2 * e * h + h + e
  floats = 2 * b * inputs               # features read, standardised ones written
  floats += 2 * b * (3 * h + 2 * e)     # output of each layer
  floats += 4 * b * e                   # cotangents of the loss: both directions, both towers
  floats += 4 * b * (3 * h + e)         # of each layer's input
  floats += tower                       # own gradients, read for their norms
  floats += 10 * (tower + prototype)    # gradients of both directions written and read; p, m and v read and written
  return 4 * floats
}

/^# bytes, warp requests/ { inside = 1; next }
!inside || $1 == "kernel" { next }
NF < 25 { complain("not a line of counters: " $0); next }
{
  at = NF - 23 # the first number
  name = $1
  for (i = 2; i < at; i++) name = name " " $i
  for (i = 0; i < 24; i++) v[i] = $(at + i)
  launches += v[0]
  if (v[4]) { flop += v[5] / (name ~ /^babel_contrastive/ ? 3 : 1); operands += v[7] } # the loss takes three TF32 products for one
  else other += v[7]
  other += v[11]
  all += v[5]
  fused += v[23]
  if (name != "babel_shuffle_kernel") { # exchanges random places
    ratio("global loads", v[10], wide)
    ratio("global stores", v[14], wide)
  }
  if (name == "babel_adaptive_kernel" && v[9] < full) complain(name ": " v[9] " sectors a global load, at least " full ": four floats a thread") # of 16
  if (name == "babel_adamw_kernel" && v[13] < full) complain(name ": " v[13] " sectors a global store, at least " full ": four floats a thread")
  ratio("shared loads", v[18], conflicts)
  ratio("shared stores", v[22], conflicts)
  line[++n] = sprintf("| `%s` | %d | %d | %d | %.1f | %.2f | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |", name, v[0], v[1], v[3], v[5] / 1e6, v[23] / 1e6, v[6],
    v[7] / 1e6, v[10], v[11] / 1e6, v[14], v[15] / 1e6, v[18], v[19] / 1e6, v[22])
}

END {
  if (!n) { complain("no counters: is this a program of the access-hook build (BABEL_SIMDEV_HOOKS)?"); exit 1 }
  print "# What one step asks of the memory system, as counted by the simulated device"
  print ""
  print "Written by `scripts/kernel_facts.sh --counters`: " shape ". Exact and repeatable, of the code that gcc makes of the kernels."
  print "MFLOP: of tensor-core instructions, tile padding included. MFMA: 10^6 calls of fmaf, one a thread. MB are 10^6 bytes that threads ask for. x: sectors"
  print "(global) or wavefronts (shared) over the least possible, 1 = ideal. Shared bytes: of a block."
  print ""
  print "| kernel | launches | blocks | barriers | MFLOP | MFMA | shared bytes | load MB | x | store MB | x | shared load MB | x | shared store MB | x |"
  print "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= n; i++) print line[i]
  print ""
  print "| figure | counted | limit |"
  print "|---|---|---|"
  printf "| FLOP per operand byte that kernels with matrix products load | %.1f | >= %s |\n", flop / operands, reuse
  printf "| all other global bytes [MB] | %.1f | |\n", other / 1e6
  if (batch) printf "| the same over compulsory ones (scripts/kernel_counters.awk has the formula) | %.2f | <= %s |\n", other / compulsory(), extra
  printf "| tensor-core MFLOP of the step | %.1f | |\n", all / 1e6
  printf "| calls of fmaf in the step [10^6] | %.2f | |\n", fused / 1e6
  printf "| launches of the step, those on a branch beside others too | %d | |\n", launches
  printf "| sectors of a global request over the least possible, worst | %.2f | <= %s |\n", worst[wide], wide
  printf "| wavefronts of a shared request over the least possible, worst | %.2f | <= %s |\n", worst[conflicts], conflicts
  if (flop / operands < reuse) complain(sprintf("%.1f FLOP per operand byte, at least %s", flop / operands, reuse))
  if (batch && other > extra * compulsory()) complain(sprintf("%.2f times the compulsory bytes beside operands, at most %s", other / compulsory(), extra))
  exit bad
}
