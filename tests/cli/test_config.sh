#!/bin/bash
# A run's own config.yaml: a strict reader of another program takes it, and the run resumes with it.
set -u
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() {
  echo "FAILED: $*"
  exit 1
}

cat >net.yaml <<'END'
preset: sinusoid-5shot-maml
outer: {steps: 2, meta_batch: 3}
eval: {every: 0}
model:
  layers:
    - {kind: linear, units: 7}
    - {kind: relu}
    - {kind: linear}
END
"$program" train net.yaml --out run >/dev/null || fail "train"
"$program" train run/config.yaml --resume --out run --set outer.steps=3 >/dev/null ||
  fail "a run does not resume with its own configuration"
grep -E '^[a-z]+:' run/config.yaml | sort | uniq -d | grep . && fail "a map stands twice"
"$program" plan run/config.yaml >/dev/null || fail "plan of the run's configuration"

python3 -c 'import yaml' 2>/dev/null || exit 0
python3 - run/config.yaml <<'END' || fail "Python's strict reader"
import sys
import yaml


class Strict(yaml.SafeLoader):
    pass


def read(loader, node):
    found = {}
    for key, value in node.value:
        name = loader.construct_object(key)
        if name in found:
            sys.exit(f"{name} stands twice")
        found[name] = loader.construct_object(value, deep=True)
    return found


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, read)
config = yaml.load(open(sys.argv[1]), Strict)
assert config["plan"] == {"factored": "auto", "winograd": "auto", "lanes": "choose"}, config["plan"]
inner = config["inner"]
assert (inner["steps"], inner["lr"], inner["first_order"], inner["optimizer"]) == (1, 0.01, False, "sgd"), inner
assert all(isinstance(config[where]["eps"], float) for where in ("inner", "outer")), config
assert [layer["kind"] for layer in config["model"]["layers"]] == ["linear", "relu", "linear"]
END
