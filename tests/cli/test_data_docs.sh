# The page on one's own data, in both languages: every command in its console blocks runs, and prints what stands there
# (console.sh says how). Its Python runs where numpy and safetensors are, else the files that it wrote are committed.
. "$(dirname "$0")/console.sh"
fixtures=$(cd "$(dirname "$0")/fixtures/data" && pwd) || exit 1
needs="numpy, safetensors" notes=yes

# What makes a command short; of a key given twice, the last counts.
shorter() {
  case $1 in
  'innerloop train '*--set*) echo ' --set outer.steps=2 --set eval.validation_tasks=2' ;;
  'innerloop eval '*--tasks*) echo ' --tasks 3' ;;
  esac
}

check_pages data.md data.zh.md
echo "data: all as expected$shortened"
