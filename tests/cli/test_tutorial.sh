# Both tutorials: every command in their console blocks runs, and prints what stands there (console.sh says how). The files
# that PyTorch saved come from PyTorch where it is here, else from the committed fixtures.
. "$(dirname "$0")/console.sh"
fixtures=$(cd "$(dirname "$0")/fixtures/tutorial" && pwd) || exit 1
needs=torch notes=no

# What makes a command short; of an option given twice, the last counts.
shorter() {
  case $1 in
  'innerloop improve '*) echo ' --epochs 1 --meta-steps 2 --tasks 4' ;;
  'innerloop compare '*) echo ' --seeds 2 --steps 5' ;;
  'innerloop fit '*'--algorithm greedy'*) echo ' --steps 3' ;;
  'innerloop fit '*'--meta'*) echo ' --meta-steps 10 --tasks 4' ;;
  esac
}

check_pages tutorial.md tutorial.zh.md
echo "tutorial: all as expected$shortened"
