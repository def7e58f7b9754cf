"""coverage.py BUILD [--sanitized]: adds up what gcov says of a build: lines and branches of src/ by folder, what is not run by file.

A kernel is compiled once for each instruction set, a header into many objects: a line runs where one of them ran. Branches
are those of the source; of assertions, whose other side is a bug of ours, only the line counts.

--sanitized: of the build that `make test` has anyway, whose fewer tests leave more of some files, so that no file needs a reason."""
import collections, json, os, re, subprocess, sys

LINES, BRANCHES = 92.0, 80.0
MUCH = 12  # lines of a file that are not run; more need a reason
build = os.path.realpath(sys.argv[1])
sanitized = sys.argv[2:] == ["--sanitized"]
root = os.path.realpath(".")
# Counters of tests that kill (tests/CMakeLists.txt) lie in a tree of their own; gcov wants its notes beside them.
apart = os.path.join(build, "counted-apart")
for folder, _, names in os.walk(apart):
    for name in names:
        notes = os.path.join("/", os.path.relpath(folder, apart), name[:-len("gcda")] + "gcno")
        beside = os.path.join(folder, os.path.basename(notes))
        if name.endswith(".gcda") and os.path.exists(notes) and not os.path.lexists(beside):
            os.symlink(notes, beside)
objects = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names
           if name.endswith(".gcda") and ("innerloop" in folder or "kernels" in folder)]
if not objects:
    sys.exit("coverage: nothing was run in " + build)

lines = collections.defaultdict(dict)  # file: line: times
branches = collections.defaultdict(dict)  # file: line: [times]
source = {}


def text_of(path):
    if path not in source:
        with open(path, encoding="utf-8") as f:
            source[path] = [""] + f.read().split("\n")
    return source[path]


def ends_of(counters):
    """How many branches of each line lead nowhere: to a call that does not come back, which in src/ is the sanitizer's report
    of undefined behaviour. They and their other sides, which say "all is well", are not of the source."""
    out = subprocess.run(["gcov-dump", "-l", counters[:-len("gcda")] + "gcno"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode("utf-8", "replace")
    ends = collections.Counter()
    for function in out.split(":FUNCTION ")[1:]:
        follow = {int(block): re.findall(r"(\d+):(\d+)", arcs)
                  for block, arcs in re.findall(r"block (\d+):((?: \d+:[0-9a-f]+(?:\([a-z,]*\))?)+)", function)}
        real = {block: [int(to) for to, flags in arcs if not int(flags, 16) & 2] for block, arcs in follow.items()}
        at = {}
        for block, text in re.findall(r"block (\d+):(`.*)", function):
            for name, numbers in re.findall(r"`([^']*)':([0-9, ]+)", text): # the last one counts
                at[int(block)] = (os.path.relpath(os.path.realpath(name), root), int(numbers.rstrip(", ").split(",")[-1]))
        for block, to in real.items():
            if len(to) > 1 and block in at:
                ends[at[block]] += sum(1 for b in to if b in real and not real[b])
    return ends


def without_ends(taken, ends):
    """Where a line's branches are not told apart, as if all that are not its own were those that ran: no share is called too high."""
    if not ends:
        return taken
    taken = sorted(taken)[ends:]
    return taken[:len(taken) - ends] if ends < len(taken) else []


def take(report, ends):
    for file in report["files"]:
        path = os.path.relpath(os.path.realpath(os.path.join(report["current_working_directory"], file["file"])), root)
        if not path.startswith("src/") or not os.path.exists(path):
            continue
        text = text_of(path)
        for line in file["lines"]:
            number = line["line_number"]
            lines[path][number] = lines[path].get(number, 0) + max(0, line["count"])
            taken = without_ends([max(0, b["count"]) for b in line["branches"]], ends[path, number])
            if not taken or "assert(" in text[number]:
                continue
            known = branches[path].get(number)
            if known is None or len(known) < len(taken):
                branches[path][number] = taken
            elif len(known) == len(taken):
                branches[path][number] = [a + b for a, b in zip(known, taken)]


for name in objects:
    out = subprocess.run(["gcov", "-b", "-c", "--json-format", "--stdout", name],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    for report in out.decode("utf-8", "replace").split("\n"):
        if report.startswith("{"):
            take(json.loads(report), ends_of(name))

reasons = {}
for row in open("tools/coverage.txt", encoding="utf-8"):
    if row.strip() and not row.startswith("#"):
        name, reason = row.rstrip("\n").split(": ", 1)
        reasons[name] = reason


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


folders = collections.defaultdict(lambda: [0, 0, 0, 0])
files = {}
for path in lines:
    ran = sum(1 for n in lines[path].values() if n)
    both = [taken for row in branches[path].values() for taken in row]
    files[path] = [ran, len(lines[path]), sum(1 for n in both if n), len(both)]
    for i, n in enumerate(files[path]):
        folders["/".join(path.split("/")[:2])][i] += n
print(f"{'':16}{'lines':>8}{'run':>9}{'branches':>10}{'run':>9}")
total = [sum(f[i] for f in folders.values()) for i in range(4)]
for name, f in sorted(folders.items()) + [("src", total)]:
    print(f"{name:16}{f[1]:8}{share(f[0], f[1]):8.1f}%{f[3]:10}{share(f[2], f[3]):8.1f}%")

failed = False
print("\nnot run:")
for path, f in sorted(files.items(), key=lambda item: item[1][0] - item[1][1]):
    missing = f[1] - f[0]
    if missing <= MUCH:
        break
    if sanitized:
        print(f"{path}: {missing} lines")
        continue
    reason = reasons.get(path)
    where, run = [], []
    for n in sorted(n for n, times in lines[path].items() if not times) + [None]:
        if run and n != run[-1] + 1:
            where.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]))
            run = []
        run.append(n)
    print(f"{path}: {missing} lines: {reason or 'NO REASON in tools/coverage.txt; lines ' + ' '.join(where)}")
    failed |= not reason
for name in [] if sanitized else reasons:
    if name not in files or files[name][1] - files[name][0] <= MUCH:
        print(f"{name}: has a reason in tools/coverage.txt and needs none")
for what, found, least in ("lines", share(total[0], total[1]), LINES), ("branches", share(total[2], total[3]), BRANCHES):
    if found < least:
        print(f"coverage: {found:.1f} % of {what} ran, expected {least:.0f} %")
        failed = True
sys.exit(1 if failed else 0)
