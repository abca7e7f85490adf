#!/usr/bin/env bash
# Sourced by scripts that bring ranks into trouble; they set $babel, $box (a folder of their own, the run in $box/run) and `fail`. What the ranks say is in $box/log.
if ! command -v mpirun >/dev/null; then echo "skipped: mpirun is not installed"; exit 77; fi
if ! ldd "$babel" | grep libmpi >/dev/null; then echo "skipped: $babel was built without MPI"; exit 77; fi
export ASAN_OPTIONS=detect_leaks=0 # Open MPI keeps 120 KB a rank to its end, out of libraries that it has unloaded by then: no suppression can name them
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 BABEL_RANK_SECONDS=${BABEL_RANK_SECONDS:-4}

# Each rank leaves its process number; one may be given little memory.
cat >"$box/rank" <<'TEXT'
#!/usr/bin/env bash
echo $$ >"$BOX/pid.$OMPI_COMM_WORLD_RANK.new" && mv "$BOX/pid.$OMPI_COMM_WORLD_RANK.new" "$BOX/pid.$OMPI_COMM_WORLD_RANK"
if [ "${SMALL:-}" = "$OMPI_COMM_WORLD_RANK" ]; then ulimit -v "$SMALL_KB"; fi
exec "$@"
TEXT
chmod +x "$box/rank"
export BOX=$box

mpi() { # K COMMAND..
  mpirun --oversubscribe --bind-to none -n "$1" "$box/rank" "${@:2}"
}

# Whether a rank lives, but for one.
any_lives() { # [BUT]
  local file
  for file in "$box"/pid.*[0-9]; do if [ "$file" != "$box/pid.${1:-none}" ] && kill -0 "$(cat "$file")" 2>/dev/null; then return 0; fi; done
  return 1
}

# The end of a run that is in trouble: not later than 30 s from now, a failure, the rank's name.
expect_end() { # PID RANK WHAT
  local code=0 began=$SECONDS gone=0
  while kill -0 "$1" 2>/dev/null && [ $((SECONDS - began)) -le 30 ]; do
    sleep 0.05
    # mpirun itself may stay for ever when a rank dies before MPI knows of it: what counts is that no rank does.
    if any_lives; then gone=0; else gone=$((gone + 1)); fi
    if [ $gone -gt 100 ]; then pkill -KILL -P "$1" || true; fi
    # Stopped when all had said goodbye: the others are done, only mpirun waits for it.
    if [ -e "$box/run/trunk.safetensors" ] && ! any_lives "$2"; then kill -CONT "$(cat "$box/pid.$2")" 2>/dev/null || true; fi
  done
  if kill -0 "$1" 2>/dev/null; then kill -9 "$1" $(cat "$box"/pid.*) 2>/dev/null || true; fail "$3: the others still run after 30 s"; fi
  wait "$1" || code=$?
  if any_lives; then sleep 3; fi
  if any_lives; then fail "$3: a rank is still there"; fi
  [ $code != 0 ] || return 1 # it was done before
  grep -Eq "babel: (error: )?.*rank $2 of|process rank $2 |the (start|end) of MPI|another rank" "$box/log" || fail "$3: nobody names rank $2"
}

# Sends a signal to a rank of the run behind mpirun's PID, so many seconds after it has started; 1 when the run was done before.
strike() { # PID RANK SIGNAL SECONDS WHAT
  while ! [ -s "$box/pid.$2" ]; do
    kill -0 "$1" 2>/dev/null || fail "$5: no rank has started"
    sleep 0.01
  done
  sleep "$4"
  kill "-$3" "$(cat "$box/pid.$2")" 2>/dev/null || true
  expect_end "$1" "$2" "$5"
}
