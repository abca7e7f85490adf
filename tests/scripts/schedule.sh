#!/usr/bin/env bash
# Growth beyond two modalities with the program itself: plan, schedule, resume, a trunk grown on, what is refused.
# Usage: schedule.sh PROGRAM SCHEDULES
set -euo pipefail
babel=$1 schedules=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive

fail() {
  echo "schedule.sh: $*"
  for f in output error; do [ ! -s $f ] || { echo "--- $f:"; cat $f; }; done
  exit 1
}
expect() { # CODE ARGUMENTS..
  local wanted=$1 code=0
  shift
  "$babel" "$@" >output 2>error || code=$?
  if grep -qE 'Sanitizer|runtime error:' error; then fail "babel $*: a sanitizer report"; fi
  [ $code = "$wanted" ] || fail "babel $*: exit status $code, expected $wanted"
}
good() { expect 0 "$@"; }
says() { grep -qF -- "$1" output || fail "expected \"$1\" in the output"; }
sentence() { grep -qF -- "$1" error || fail "expected the sentence \"$1\""; }

good simulate --banks sim
small=(--set embed_dim=32 --set hidden=24 --set batch=64 --set max_steps=40 --set grow_steps=12 --set watch_epochs=0)

### plan: kinds and junctions follow from the trunk
good plan "$schedules/augment.yaml" --banks sim "${small[@]}"
grep -qE '^4 +wifi_augment +augment +wifi +wifi2' output || fail "no augment phase"
sed '/name: wifi_skeleton/,/draws/{H;d};/name: mmwave_wifi/{x;s/^\n//;G}' "$schedules/augment.yaml" >before.yaml
good plan before.yaml --banks sim "${small[@]}"
grep -qE '^4 +wifi_skeleton +bridge +skeleton +wifi' output || fail "no bridge"
good plan "$schedules/order_iii.yaml" --banks sim "${small[@]}"
grep -qE '^2 +mmwave_wifi +disconnected' output || fail "no disconnected phase"
grep -qE '^3 +lidar_video +grow +video +lidar' output || fail "no growth from video"
if grep -q '^note:' output; then fail "advice against its own setting"; fi
sed '/proto_policy: replay/d' "$schedules/order_iii.yaml" >held.yaml
good plan held.yaml --banks sim "${small[@]}"
says "note: phase 5, wifi_skeleton, joins two groups of modalities that no earlier pair connects"

### a schedule that is wrong: one sentence with the phase
sed 's/^allow_disconnected.*//' "$schedules/order_iii.yaml" >connected.yaml
expect 2 plan connected.yaml --banks sim "${small[@]}"; sentence "phase 2 (mmwave_wifi)"; sentence "--allow-disconnected"
sed 's/sim_kinetics_skeleton/sim_mmfi_lidar/' "$schedules/order_i.yaml" >wrong_bank.yaml
expect 2 plan wrong_bank.yaml --banks sim "${small[@]}"; sentence "phase 2 (video_skeleton)"
sed 's/sim_utd_mhad_draws/sim_xrf55_draws/' "$schedules/order_i.yaml" >wrong_draws.yaml
expect 1 plan wrong_draws.yaml --banks sim "${small[@]}"; sentence "phase 1 (imu_skeleton)"; sentence "sim_xrf55_draws.csv"
expect 2 plan "$schedules/quick.yaml" more --banks sim; sentence "expected one schedule"
expect 2 grow --schedule "$schedules/quick.yaml" --out x lr=1; sentence "\"lr=1\" stands behind no option"
good plan "$schedules/quick.yaml" --banks sim "${small[@]}"
grep -qE '^2 .* 12 +[0-9]+ MB' output || fail "--set grow_steps does not lie over the schedule's steps"
sed 's/sim_kinetics_skeleton/sim_nothing/' "$schedules/order_i.yaml" >no_bank.yaml
expect 1 plan no_bank.yaml --banks sim; sentence "sim_nothing.safetensors is neither in sim nor beside the schedule"
sed 's/^name:/nmae:/' "$schedules/order_i.yaml" >typo.yaml
expect 2 plan typo.yaml --banks sim; sentence "unknown key 'nmae'; the nearest is 'name'"
expect 2 grow --schedule "$schedules/order_i.yaml" --bank a --out x; sentence "not with --bank"

### everything at chance: there is nothing to keep, and a report all the same
if command -v gnuplot >/dev/null; then
  good grow --schedule "$schedules/quick.yaml" --banks sim "${small[@]}" --set max_steps=1 --set grow_steps=1 --quiet --out chance
  says "at chance"
  good report --html chance
  [ ! -s error ] || fail "gnuplot's warnings come through"
fi

### less than twice chance when first measured: not part of what was kept
row() { echo "{\"kind\": \"retention\", \"phase\": \"all\", \"policy\": \"plain\", \"modalities\": [$1], \"measure\": \"class_top1\", \"before\": $2, \"after\": $3, \"retained\": $4, \"chance\": 6, \"emergent\": false}"; }
echo "[$(row '"imu", "skeleton"' 11 5.5 50), $(row '"skeleton", "imu"' 13 13 100)]" >chance.json
good report --policies one=chance.json
grep -qE '^kept, older trained pairs +100\.0$' output || fail "a pair at chance counts as kept, or one above it does not: $(cat output)"

### grown, interrupted and resumed: the same bits
grow=(grow --schedule "$schedules/quick.yaml" --banks sim "${small[@]}" --set max_steps=60 --set grow_steps=60 --set checkpoint_seconds=0.01 --quiet)
good "${grow[@]}" --out whole
says "lidar > imu"
says "emergent"
for file in schedule.json results.json trunk.safetensors 01_imu_skeleton/metrics.jsonl 05_lidar_video/trunk.safetensors; do [ -s "whole/$file" ] || fail "no whole/$file"; done
expect 1 "${grow[@]}" --out whole; sentence "--resume"
for moment in 0.2 0.5 0.9; do
  "$babel" "${grow[@]}" --out parts --resume >output 2>error & pid=$!
  sleep $moment
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
done
mkdir -p parts/02_video_skeleton
for file in trunk.safetensors results.json schedule.json 02_video_skeleton/state.safetensors; do echo half >parts/$file.tmp.1; done
good "${grow[@]}" --out parts --resume
left=$(find parts -name '*.tmp.*')
[ -z "$left" ] || fail "half-written files stay behind: $left"
cmp whole/trunk.safetensors parts/trunk.safetensors || fail "a resumed schedule has other bits"
cmp whole/results.json parts/results.json || fail "a resumed schedule has other results"
expect 1 "${grow[@]}" --out parts --resume --set lr=1e-3; sentence "another configuration"

### the report opens offline and holds every picture; without gnuplot it says what is missing
if command -v gnuplot >/dev/null; then
  good report --html whole
  [ "$(grep -c '<svg' whole/report.html)" = 12 ] || fail "report.html holds $(grep -c '<svg' whole/report.html) pictures, expected 12"
  if grep -qE '(src|href)="http|NaN%' whole/report.html; then fail "report.html needs the network"; fi
  [ -s whole/report/retention.gp ] && [ -s whole/report/points05.tsv ] || fail "the scripts behind the pictures are not there"
fi
code=0
PATH=$work/nothing "$babel" report --html whole >output 2>error || code=$?
[ $code = 1 ] || fail "without gnuplot: exit status $code"
sentence "apt-get install gnuplot-nox"
expect 1 report --html sim; sentence "expected the folder of a run"

### somebody else's trunk, a new modality
good grow --bank sim/sim_utd_mhad_imu.safetensors --bank sim/sim_utd_mhad_skeleton.safetensors --split sim/sim_utd_mhad_split.csv "${small[@]}" --out one --quiet
next=(grow --from one/trunk.safetensors --bank sim/sim_operanet_wifi.safetensors --bank sim/sim_operanet_skeleton.safetensors --split sim/sim_operanet_split.csv --quiet)
good "${next[@]}" --out two
says "imu + skeleton + wifi"
good "${next[@]}" --out frozen --set trunk=freeze
says "embeddings of the 2 older modalities: bit-identical (checked)"
good "${next[@]}" --out dry --dry-run
says "grow: skeleton, wifi"
mkdir moved
mv sim/sim_utd_mhad_imu.safetensors moved/
good "${next[@]}" --out gauss
sentence "proto_policy becomes gauss_kd"
good "${next[@]}" --out found --earlier moved/sim_utd_mhad_imu.safetensors
cmp two/trunk.safetensors found/trunk.safetensors || fail "a bank that has moved gives other bits"
expect 2 "${next[@]}" --out x --set hidden=32; sentence "a trunk keeps its shape"
expect 2 grow --from one/trunk.safetensors --bank sim/sim_xrf55_mmwave.safetensors --bank sim/sim_xrf55_wifi.safetensors --out x; sentence "--allow-disconnected"
good inspect two/trunk.safetensors
good grow --from one/trunk.safetensors --bank sim/sim_xrf55_mmwave.safetensors --bank sim/sim_xrf55_wifi.safetensors --split sim/sim_xrf55_split.csv \
  --allow-disconnected --set grow_steps=2 --earlier moved/sim_utd_mhad_imu.safetensors --out apart --quiet
bridge=(grow --from apart/trunk.safetensors --bank sim/sim_operanet_wifi.safetensors --bank sim/sim_operanet_skeleton.safetensors
  --split sim/sim_operanet_split.csv --earlier moved/sim_utd_mhad_imu.safetensors --quiet)
good "${bridge[@]}" --out stuck; sentence "warning: a bridge from wifi to skeleton joins two groups of modalities that no earlier pair connects"
good "${bridge[@]}" --set proto_policy=replay --out freed
if grep -q bridge error; then fail "advice against its own setting"; fi

### towers as files
good trunk list frozen/trunk.safetensors
says "phase 2  grow"
says "features of latent_body (wifi), simulated"
good grow --from one/trunk.safetensors --bank sim/sim_kinetics_video.safetensors --bank sim/sim_kinetics_skeleton.safetensors --split sim/sim_kinetics_split.csv \
  --set trunk=freeze --out video --quiet
good trunk merge frozen/trunk.safetensors video/trunk.safetensors --out merged.safetensors
says "imu skeleton wifi video"
good trunk extract merged.safetensors wifi imu --out small.safetensors
for bank in moved/sim_utd_mhad_imu sim/sim_operanet_wifi; do
  for trunk in merged.safetensors small.safetensors frozen/trunk.safetensors; do good embed --trunk $trunk --bank $bank.safetensors --out "$(basename $trunk .safetensors).npy"; done
  cmp merged.npy small.npy && cmp merged.npy trunk.npy || fail "a part of a trunk has other embeddings"
done
foreign=(embed --trunk merged.safetensors --modality skeleton --bank sim/sim_mmfi_lidar.safetensors --out foreign.npy)
expect 2 "${foreign[@]}"; sentence "holds lidar features, the tower is skeleton; --force embeds all the same"
good "${foreign[@]}" --force; sentence "warning: "
trained=(eval --protocol paper --bank moved/sim_utd_mhad_imu.safetensors --bank sim/sim_utd_mhad_skeleton.safetensors --split sim/sim_utd_mhad_split.csv
  --trunk one/trunk.safetensors --heads nearest --no-raw)
good "${trained[@]:0:9}" --draws sim/sim_ut_har_draws.csv "${trained[@]:9}" --out trained.json; sentence "queries are in the train part of sim/sim_utd_mhad_split.csv"
good "${trained[@]:0:9}" --draws sim/sim_utd_mhad_draws.csv "${trained[@]:9}" --out tested.json
if grep -q "train part" error; then fail "queries that were held out are called trained on"; fi
good trunk diff one/trunk.safetensors frozen/trunk.safetensors
grep -qE '^tower.imu.\* .*bit-identical' output || fail "a frozen tower differs"
says "only in frozen/trunk.safetensors"
expect 2 trunk merge one/trunk.safetensors two/trunk.safetensors --out x.safetensors; sentence "they differ in prototype"
expect 1 trunk extract merged.safetensors imu --out small.safetensors; sentence "--force"
expect 2 trunk extract merged.safetensors radar --out x.safetensors; sentence "no tower is called radar"
expect 2 trunk; sentence "babel trunk needs a command behind it"; sentence "babel trunk merge"
expect 2 trunk foo; sentence "babel trunk has no command \"foo\""
good trunk --help; says "babel trunk diff"
