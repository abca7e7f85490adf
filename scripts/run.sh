#!/usr/bin/env bash
# The main job. Without data: six simulated sensors grown into one trunk, with the retention report. With UTD-MHAD: from its files to trained trunks and a
# one-shot activity-recognition table.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/run.sh [options]

Installs what is missing, builds build/babel and runs the main job into out/. Without data: feature banks of six simulated sensors, all five growth phases,
what every phase kept and lost, and the same without protection. With --utd-mhad: feature banks, growth (3 seeds), evaluation, tables.

  --utd-mhad DIR     the real data set (Inertial/ and Skeleton/ inside); docs/data.md says where to get it
  --weights-dir DIR  real weights: limu_bert/hhar.pt and shift_gcn/ntu_joint_xsub.pt; docs/data.md
  --mars DIR         with --utd-mhad: also growth on real data, UTD-MHAD (its Depth folder too) and then the MARS radar, under six policies, and with preset best
  --mmego DIR        the same with the mmEgo radar
  --simulated-files  without data: a UTD-MHAD that the simulator writes in the real file formats, through the job of --utd-mhad
  --out DIR          results (default out)
  --resume           continue what is in the results folder
  --force            overwrite what is in the results folder; with --resume: continue it although threads or machine differ
  --full             every preset, control and protocol, preset paper with its 600 variants (hours on two cores)
  --seeds N          seeds a trunk is grown with (default 3)
  --threads N        threads (default: all processors)
  --help             this text

What is simulated is deterministic, and every table says so.
TEXT
}

utd="" weights="" mars="" mmego="" out="out" resume=0 force=0 full=0 files=0 seeds=3 threads=$(nproc)
need() { [ $# -ge 2 ] || { echo "run.sh: $1 needs a value; --help explains" >&2; exit 2; }; }
while [ $# -gt 0 ]; do
  case $1 in
    --utd-mhad) need "$@"; utd=$2; shift ;;
    --weights-dir) need "$@"; weights=$2; shift ;;
    --mars) need "$@"; mars=$2; shift ;;
    --mmego) need "$@"; mmego=$2; shift ;;
    --out) need "$@"; out=$2; shift ;;
    --seeds) need "$@"; seeds=$2; shift ;;
    --threads) need "$@"; threads=$2; shift ;;
    --resume) resume=1 ;;
    --force) force=1 ;;
    --full) full=1 ;;
    --simulated-files) files=1 ;;
    --help) usage; exit 0 ;;
    *) echo "run.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done
case $seeds$threads in *[!0-9]* | "") echo "run.sh: --seeds and --threads take whole numbers" >&2; exit 2 ;; esac
if [ -n "$utd" ] && [ -z "$weights" ]; then
  echo "run.sh: --utd-mhad needs --weights-dir too (limu_bert/hhar.pt, shift_gcn/ntu_joint_xsub.pt); docs/data.md says where to get them" >&2; exit 2
fi
if [ -n "$mars$mmego" ] && [ -z "$utd" ]; then
  echo "run.sh: --mars and --mmego grow on what --utd-mhad begins: it is needed too" >&2; exit 2
fi
for path in ${mars:+"$mars"} ${mmego:+"$mmego"} ${mars:+"$utd/Depth"} ${utd:+"$utd/Inertial"} ${utd:+"$utd/Skeleton"} ${weights:+"$weights/limu_bert/hhar.pt"} ${weights:+"$weights/shift_gcn/ntu_joint_xsub.pt"}; do
  [ -e "$path" ] || { echo "run.sh: $path is not there; docs/data.md says where to get it" >&2; exit 1; }
done
if [ -e "$out" ] && [ -n "$(ls -A "$out" 2>/dev/null)" ]; then
  case $resume$force in
    1?) ;; # nothing is deleted
    01) [ -e "$out/RUN" ] || { echo "run.sh: $out holds other files than this job's: remove it yourself or give another --out" >&2; exit 1; }
           rm -rf "$out" ;;
    00) echo "run.sh: $out exists: continue with --resume, overwrite with --force, or give another --out" >&2; exit 1 ;;
  esac
fi

echo "Packages and build: a minute or two the first time"
"$here/scripts/setup.sh"
"$here/scripts/build.sh" --dir "$here/build"
babel="$here/build/babel"
splits="$here/configs/splits"
began=$(date +%s)
mkdir -p "$out/banks"
identity="utd-mhad=${utd:+$(cd "$utd" && pwd)} weights=${weights:+$(cd "$weights" && pwd)} full=$full files=$files seeds=$seeds${mars:+ mars=$(cd "$mars" && pwd)}${mmego:+ mmego=$(cd "$mmego" && pwd)}"
if [ -e "$out/RUN" ] && [ "$(cat "$out/RUN")" != "$identity" ]; then
  echo "run.sh: $out was begun with other options ($(cat "$out/RUN")): the same ones continue it, --force starts anew" >&2; exit 1
fi
echo "$identity" >"$out/RUN"
export OMP_NUM_THREADS=$threads
again=(--resume)
[ $resume$force != 11 ] || again+=(--force)

# Every command that is run is printed; its time and peak memory go to usage.csv.
say() { printf '\n== %s\n' "$*"; }
babel() {
  printf '+ babel'; printf ' %q' "$@"; echo
  "$babel" "$@" --usage "$out/usage.csv"
}

finish() {
  local seconds=$(($(date +%s) - began)) peak
  peak=$(awk -F, '$3 > most { most = $3 } END { printf "%d", most / 1024 }' "$out/usage.csv")
  printf '\nTook %d min %d s, peak memory of a command %d MB, results in %s\n' $((seconds / 60)) $((seconds % 60)) "$peak" "$out"
}

# ---- without data: six simulated sensors -------------------------------------------------------------------------------------------
if [ -z "$utd" ] && [ $files = 0 ]; then
  order="$here/configs/schedules/order_i.yaml"
  say "Feature banks of six simulated sensors (no real recordings)"
  if [ -e "$out/banks/SIMULATED" ] && [ -e "$out/banks/complete" ]; then echo "$out/banks is there"; else
    rm -rf "$out/banks"
    babel simulate --banks "$out/banks"
    touch "$out/banks/complete"
  fi
  say "What the schedule would do"
  babel plan "$order" --banks "$out/banks"
  say "Growth of six modalities, the trunk held by rehearsal"
  babel grow --schedule "$order" --banks "$out/banks" --out "$out/grow" "${again[@]}"
  say "The same without protection (proto_policy: plain)"
  babel grow --schedule "$order" --banks "$out/banks" --out "$out/grow_plain" --set proto_policy=plain "${again[@]}" --quiet
  for run in grow grow_plain; do babel report --html "$out/$run"; done
  echo "SIMULATED sensors: this shows that the program works and what protection does, not what it reaches on real recordings."
  finish
  exit 0
fi

real=1
if [ -z "$utd" ]; then
  real=0
  utd="$out/simulated_utd_mhad"
  say "Simulated UTD-MHAD (no real recordings)"
  [ -e "$utd" ] || babel simulate --utd-mhad "$utd"
fi
say "Check of $utd"
babel check "$utd"

# ---- banks: every encoder once over every trial -----------------------------------------------------------------------------------
bank() { # bank FILE options..: skipped when the file is there; of several banks of one pass FILE is the one written last
  local file=$1; shift
  if [ -e "$file" ]; then echo "$file is there"; else babel bank build --data "$utd" "$@"; fi
}
say "Feature banks"
b="$out/banks"
variants=16
if [ $real = 1 ]; then
  limu=(--encoder limu_bert --weights "$weights/limu_bert/hhar.pt")
  gcn=(--encoder shift_gcn --weights "$weights/shift_gcn/ntu_joint_xsub.pt")
  bank "$b/imu_ours.safetensors" --modality imu "${limu[@]}" --preset ours --variants $variants --out "$b/imu_ours.safetensors"
  motion_imu=(--modality imu --encoder imu_motion --weights "$weights/limu_bert/hhar.pt" --preset best)
  bank "$b/imu_motion.safetensors" "${motion_imu[@]}" --out pretrained="$b/imu_motion_pretrained.safetensors" --out motion="$b/imu_motion.safetensors"
  motion_gcn=(--modality skeleton --encoder skeleton_motion --weights "$weights/shift_gcn/ntu_joint_xsub.pt" --preset best)
  bank "$b/skeleton_motion.safetensors" "${motion_gcn[@]}" --out pretrained="$b/skeleton_motion_pretrained.safetensors" \
    --out phase_free="$b/skeleton_phase_free.safetensors" --out motion="$b/skeleton_motion.safetensors"
  bank "$b/imu_stats.safetensors" --modality imu --encoder imu_stats --variants $variants --out "$b/imu_stats.safetensors"
  bank "$b/imu_random.safetensors" --modality imu --encoder limu_bert --random-weights --variants $variants --out "$b/imu_random.safetensors"
  bank "$b/imu_paper.safetensors" --modality imu "${limu[@]}" --preset paper --variants $variants --out "$b/imu_paper.safetensors"
  bank "$b/skeleton_ours.safetensors" --modality skeleton "${gcn[@]}" --variants $variants \
    --out scores="$b/skeleton_paper.safetensors" --out pooled_scores="$b/skeleton_ours.safetensors"
  if [ $full = 1 ]; then
    bank "$b/imu_paper600.safetensors" --modality imu "${limu[@]}" --preset paper --variants 600 --out "$b/imu_paper600.safetensors"
    bank "$b/skeleton_paper600.safetensors" --modality skeleton "${gcn[@]}" --variants 600 --out scores="$b/skeleton_paper600.safetensors"
  fi
else
  bank "$b/imu_stats.safetensors" --modality imu --encoder imu_stats --variants 0 --out "$b/imu_stats.safetensors"
  bank "$b/skeleton_random.safetensors" --modality skeleton --encoder st_gcn --random-weights --variants 0 --out "$b/skeleton_random.safetensors"
fi

# ---- growth: all runs wait in one queue, one thread each, as many at a time as there are threads (equal bits at any number) ------------
main_split="$splits/utd_mhad_613_248.csv"
split_of() { case $1 in main) echo "$main_split" ;; *) echo "$splits/utd_mhad_fold_$1.csv" ;; esac; }
queue="$out/queue.txt"
: >"$queue"
grow() { # grow NAME FOLD IMU SKELETON options..: all seeds, into the queue
  local name=$1 fold=$2 imu=$3 skeleton=$4 seed watch=(); shift 4
  if [ "$fold" = main ]; then watch=(--watch "paper=$splits/utd_mhad_draws_paper.csv" --watch "strict=$splits/utd_mhad_draws_strict.csv"); fi
  for ((seed = 0; seed < seeds; seed++)); do
    printf '%q ' "$babel" grow --bank "$b/$imu.safetensors" --bank "$b/$skeleton.safetensors" --split "$(split_of "$fold")" "${watch[@]}" \
      --seed $seed --out "$out/runs/$name/$fold/seed$seed" "${again[@]}" --quiet --threads 1 --usage "$out/usage.csv" "$@" >>"$queue"
    echo >>"$queue"
  done
}

trunks() { local seed; for ((seed = 0; seed < seeds; seed++)); do echo "--trunk $out/runs/$1/$2/seed$seed/trunk.safetensors"; done; }
results="$out/results.json"
evaluate() { # evaluate NAME PROTOCOL IMU SKELETON options..
  local name=$1 protocol=$2 imu=$3 skeleton=$4 folds=(); shift 4
  case $protocol in
    paper | strict) folds=(--split "$main_split" --draws "$splits/utd_mhad_draws_$protocol.csv" $(trunks "$name" main)) ;;
    release) folds=(--split "$main_split" $(trunks "$name" main)) ;;
    strict-folds)
      folds=(--split "$main_split" --draws "$splits/utd_mhad_draws_strict.csv" $(trunks "$name" main))
      for fold in 12 34 56; do folds+=(--split "$(split_of $fold)" --draws "$splits/utd_mhad_draws_fold_$fold.csv" $(trunks "$name" $fold)); done ;;
  esac
  babel eval --protocol "$protocol" --bank "$b/$imu.safetensors" --bank "$b/$skeleton.safetensors" "${folds[@]}" --out "$results" "$@" >"$out/eval_$name.$protocol.txt"
}

pass=grow
extra=() # options of eval for the next rows
row() { # row NAME IMU SKELETON "FOLDS" "PROTOCOLS" options of grow..: called once to fill the queue, once to evaluate
  local name=$1 imu=$2 skeleton=$3 folds=$4 protocols=$5 fold protocol files; shift 5
  if [ $pass = grow ]; then
    for fold in $folds; do grow "$name" "$fold" "$imu" "$skeleton" "$@"; done
  else
    for protocol in $protocols; do
      files=()
      if [ "$name" = best ] && [ "$protocol" = paper ]; then files=(--predictions "$out/predictions.csv" --classes "$out/classes.csv"); fi
      evaluate "$name" "$protocol" "$imu" "$skeleton" "${extra[@]}" "${files[@]}"
    done
  fi
  extra=()
}

all="main 12 34 56"
every="paper release strict strict-folds"
rows() {
  if [ $real = 0 ]; then
    row ours imu_stats skeleton_random main "paper strict" --preset ours --set variants=0
    return
  fi
  local folds=main protocols="paper strict"
  if [ $full = 1 ]; then folds=$all protocols=$every; fi
  extra=(--heads nearest,ridge,mlp,transductive --extra)
  row best imu_motion skeleton_motion "$all" "$every" --preset best
  extra=(--name best_encoders_only)
  row best_encoders_only imu_motion_pretrained skeleton_motion_pretrained "$folds" "$protocols" --preset best
  extra=(--name best_no_neighbours)
  row best_no_neighbours imu_motion skeleton_motion "$folds" "$protocols" --preset best --set targets=pairs
  row best_shuffled imu_motion skeleton_motion "$folds" "$protocols" --preset best --set targets=pairs --set shuffle_pairs=true
  if [ $full = 1 ]; then
    row best_subject imu_motion skeleton_motion "$folds" "$protocols" --preset best_subject
    row best_mask imu_motion skeleton_motion "$folds" "$protocols" --preset best_mask
  fi
  row ours imu_ours skeleton_ours "$all" "$every" --preset ours
  row ours_imu_stats imu_stats skeleton_ours "$folds" "$protocols" --preset ours
  row ours_random_imu imu_random skeleton_ours "$folds" "$protocols" --preset ours
  row ours_shuffled imu_ours skeleton_ours "$folds" "$protocols" --preset ours --set shuffle_pairs=true
  row paper imu_paper skeleton_paper "$folds" "$protocols" --preset paper --set variants=$variants
  row release imu_paper skeleton_paper "$folds" "$protocols" --preset release --set variants=$variants
  if [ $full = 1 ]; then row paper600 imu_paper600 skeleton_paper600 "$folds" "$protocols" --preset paper; fi
}

rows
say "Growth: $(wc -l <"$queue") runs"
xargs -P "$threads" -d '\n' -I{} bash -c '{}' <"$queue"
say "Evaluation"
rm -f "$results"
pass=evaluate
rows

# ---- tables ----------------------------------------------------------------------------------------------------------------------------
say "Results ($results; babel report --all prints every head and scoring)"
if [ $real = 0 ]; then echo "SIMULATED recordings, imu_stats and a RANDOM ST-GCN: this shows that the program works, not what it reaches on real sensors."; fi
"$babel" report "$results"
if [ $real = 1 ] && [ $full = 0 ]; then echo; echo "Every preset with $variants augmented variants a pair (the paper has 600; --full)."; fi
# ---- growth on real data ------------------------------------------------------------------------------------------------------------------
chain_bank() { # chain_bank DATA FILE options..
  local data=$1 file=$2; shift 2
  if [ -e "$file" ]; then echo "$file is there"; else babel bank build --data "$data" "$@"; fi
}
study() { # study NAME POLICIES..
  local name=$1; shift
  say "Growth on real data, $name (docs/growing.md)"
  "$here/scripts/growth_study.sh" --schedule "$here/configs/schedules/$name.yaml" --banks "$out/chain" --out "$out/growth_$name" --seeds "$seeds" --threads "$threads" "$@"
}
windows() { # windows SET NAME: one-shot in the radar's own data set after NAME, aligned and beside the raw features
  local trunks=() seed
  for ((seed = 0; seed < seeds; seed++)); do trunks+=(--trunk "$out/growth_$2/rehearsal_kd/seed$seed/trunk.safetensors"); done
  rm -f "$out/growth_$2/windows.json"
  babel eval --protocol "$1" --bank "$c/$1_skeleton_phase_free.safetensors" --bank "$c/$1_mmwave_free.safetensors" --split "$splits/$1.csv" \
    --draws "$splits/$1_draws.csv" "${trunks[@]}" --heads nearest --extra --out "$out/growth_$2/windows.json"
}
if [ -n "$mars$mmego" ]; then
  say "Feature banks of the chains"
  c="$out/chain"
  mkdir -p "$c"
  ln -sfn "$(cd "$b" && pwd)/imu_stats.safetensors" "$c/utd_imu.safetensors"
  ln -sfn "$(cd "$b" && pwd)/skeleton_ours.safetensors" "$c/utd_skeleton.safetensors"
  ln -sfn "$(cd "$b" && pwd)/imu_motion.safetensors" "$c/utd_imu_motion.safetensors"
  ln -sfn "$(cd "$b" && pwd)/skeleton_phase_free.safetensors" "$c/utd_skeleton_phase_free.safetensors"
  for set in ${mars:+mars} ${mmego:+mmego}; do
    chain_bank "${!set}" "$c/${set}_mmwave.safetensors" --modality mmwave --encoder radar_stats --variants 4 --out "$c/${set}_mmwave.safetensors"
    chain_bank "${!set}" "$c/${set}_skeleton.safetensors" --modality skeleton "${gcn[@]}" --variants 4 --out pooled_scores="$c/${set}_skeleton.safetensors"
    chain_bank "${!set}" "$c/${set}_mmwave_free.safetensors" --modality mmwave --encoder radar_free --variants 0 --out "$c/${set}_mmwave_free.safetensors"
    chain_bank "${!set}" "$c/${set}_skeleton_phase_free.safetensors" --modality skeleton --encoder skeleton_motion \
      --weights "$weights/shift_gcn/ntu_joint_xsub.pt" --variants 0 --out phase_free="$c/${set}_skeleton_phase_free.safetensors"
  done
  if [ -n "$mars" ]; then
    chain_bank "$utd" "$c/utd_lidar.safetensors" --modality lidar --encoder pointcloud_stats --variants 16 --out "$c/utd_lidar.safetensors"
    chain_bank "$utd" "$c/utd_lidar_motion.safetensors" --modality lidar --encoder pointcloud_motion --fit-split "$splits/utd_mhad_lidar.csv" \
      --variants 0 --out "$c/utd_lidar_motion.safetensors"
    study chain_a
    study chain_a_best rehearsal_kd plain
    windows mars chain_a_best
  fi
  if [ -n "$mmego" ]; then
    study chain_c
    study chain_c_best rehearsal_kd freeze
    windows mmego chain_c_best
  fi
fi

if [ $real = 1 ]; then echo "The paper reports 31.77 (IMU), 61.06 (skeleton), 61.46 (both; 63.02 with six modalities aligned)."; fi
finish
