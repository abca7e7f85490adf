# The table of one architecture, and what breaks its limits. Input: bench/static_limits.tsv, then the lines of kernel_facts.awk.
# A kernel is held by the row with the longest name that its own begins with.
BEGIN {
  FS = "\t"
  shared_sm = arch == 80 ? 164 * 1024 : 228 * 1024 # of a multiprocessor; each block takes 1 KiB more than it asks for
}

function complain(text) {
  print "kernel_facts: sm_" arch ": " text > "/dev/stderr"
  bad = 1
}

function up(x, unit) { return int((x + unit - 1) / unit) * unit }
function least(a, b) { return a < b ? a : b }

# Blocks of t threads, r registers a thread and s bytes of shared memory on a multiprocessor of 64 warps and 65,536 registers.
function resident(t, r, s,    warps, blocks) {
  warps = int((t + 31) / 32)
  blocks = least(32, int(64 / warps))
  blocks = least(blocks, int(int(65536 / up(32 * r, 256)) / warps))
  return least(blocks, int(shared_sm / up(s + 1024, 128)))
}

FNR == NR {
  if ($0 !~ /^#/ && NF) {
    if (NF != 7) { complain("bench/static_limits.tsv:" FNR ": expected 7 columns, found " NF); exit 1 }
    row[$1] = $0
  }
  next
}

FNR == 1 {
  print "# Kernels as compiled for sm_" arch
  print ""
  print "Written by `scripts/kernel_facts.sh` (ptxas " compiler "), no device. Registers a thread; spill and stack in bytes; shared memory in bytes, fixed + the"
  print "most that a launch asks for (`bench/static_limits.tsv`); blocks: resident on a multiprocessor, and the share of its 64 warps that they are."
  print "Then the main loop (of the loops the one with the most tensor-core instructions; without any, the longest innermost one that touches memory;"
  print "without loops, the whole kernel): its instructions, and of these tensor-core, async copy, shared, global and fp32 ones; local: local-memory"
  print "instructions of the whole kernel."
  print ""
  print "| kernel | threads | registers | spill | stack | shared | blocks | warps | loop | tensor | async | shared | global | fp32 | local | tensor share |"
  print "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
}

# Complains of each limit that the line breaks.
function hold() {
  if ($3 && limit[5] == 0) complain($1 ": uses dynamic shared memory, bench/static_limits.tsv says none")
  if ($5 + 0 > 0) complain($1 ": " $5 " bytes of spills")
  if ($4 + 0 > limit[2] + 0) complain($1 ": " $4 " registers, at most " limit[2])
  if ($6 + 0 > limit[3] + 0) complain($1 ": " $6 " bytes of stack, at most " limit[3])
  if ($7 + 0 > limit[4] + 0) complain($1 ": " $7 " bytes of fixed shared memory, at most " limit[4])
  if ($2 != "-" && blocks < limit[6] + 0) complain($1 ": " blocks " resident blocks, at least " limit[6])
  if (share < limit[7] + 0) complain(sprintf("%s: %.1f %% tensor-core instructions in the main loop, at least %s", $1, share, limit[7]))
}

{
  best = ""
  for (name in row) if (substr($1, 1, length(name)) == name && length(name) > length(best)) best = name
  split(best == "" ? "" : row[best], limit, "\t") # name, registers, stack, fixed shared, dynamic shared, blocks, tensor share
  blocks = $2 == "-" ? 0 : resident($2, $4, $7 + limit[5])
  warps = 100 * blocks * int(($2 + 31) / 32) / 64
  share = 100 * $9 / $8
  if (best == "") complain($1 ": no row in bench/static_limits.tsv")
  else hold()
  used[best] = 1
  printf "| `%s` | %s | %d | %d | %d | %d + %d | %s | %s | %d | %d | %d | %d | %d | %d | %d | %s |\n", $1, $2, $4, $5, $6, $7, limit[5],
    $2 == "-" ? "-" : blocks, $2 == "-" ? "-" : sprintf("%.0f %%", warps), $8, $9, $10, $11, $12, $14, $13, ($9 > 0) ? sprintf("%.1f %%", share) : "-"
}

END {
  for (name in row) if (!used[name]) complain(name ": a row in bench/static_limits.tsv, but no such kernel")
  exit bad
}
