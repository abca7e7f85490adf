# One line a kernel of the second of two steps, from ncu --csv (one line a kernel and metric): what ran, blocks of how many threads, blocks that fit
# on a processor by registers, its time, and the share of it in which the average processor had work.
function field(name) { return f[column[name]] }
/^"ID"/ {
  n = split(substr($0, 2, length($0) - 2), f, "\",\"")
  for (i = 1; i <= n; i++) column[f[i]] = i
  next
}
!/^"[0-9]/ { next }
{
  split(substr($0, 2, length($0) - 2), f, "\",\"")
  id = field("ID") + 0
  if (id + 1 > kernels) kernels = id + 1
  text = field("Kernel Name")
  sub(/\(.*/, "", text)
  sub(/^void /, "", text)
  gsub(/, /, ",", text)
  name[id] = text
  number = field("Metric Value")
  gsub(/,/, "", number)
  value[id, field("Metric Name")] = number + (field("Metric Unit") == "us" ? number * 999 : 0) # times in ns
}
END {
  if (!kernels) { print "profile_step: no kernel in this file" > "/dev/stderr"; exit 1 }
  printf "%-52s %7s %8s %7s %8s %7s\n", "kernel", "blocks", "threads", "fit", "us", "busy_%"
  for (id = int(kernels / 2); id < kernels; id++) {
    elapsed = value[id, "sm__cycles_elapsed.max"]
    printf "%-52s %7d %8d %7d %8.2f %7s\n", name[id], value[id, "launch__grid_size"], value[id, "launch__block_size"],
      value[id, "launch__occupancy_limit_registers"], value[id, "gpu__time_duration.sum"] / 1000,
      elapsed ? sprintf("%.0f", 100 * value[id, "sm__cycles_active.avg"] / elapsed) : "-"
    total += value[id, "gpu__time_duration.sum"] / 1000
  }
  printf "%-52s %7s %8s %7s %8.2f\n", "all, one after another", "", "", "", total
}
