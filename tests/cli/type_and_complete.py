# Types commands into a real shell and presses Tab. type_and_complete.py SHELL SCRIPT FOLDER, cases on standard input:
# lines "TYPED|BECOMES" of what stands on the command line. FOLDER: where the shell runs; programs are found there, too.
import os
import pty
import select
import signal
import sys
import time

shell, script, folder = sys.argv[1:]
said = os.path.join(folder, "said.txt")
# Ctrl-G writes what stands on the command line.
start = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             f"bind -x '\"\\C-g\": printf \"%s\\n\" \"$READLINE_LINE\" >>{said}'\nsource {script}\n"),
    "zsh": (["zsh", "-f", "-i"],
            f"fpath=({os.path.dirname(script)} $fpath); autoload -Uz compinit; compinit -u -D\n"
            f"say() {{ print -r -- $BUFFER >>{said} }}; zle -N say; bindkey -e; bindkey '^G' say\n"),
    "fish": (["fish", "--no-config", "-i"],
             f"source {script}; bind \\cg 'commandline >>{said}'\n"),
}[shell]

environment = dict(os.environ, PATH=folder + ":" + os.environ["PATH"], TERM="vt100", PS1="> ", HOME=folder,
                   XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder, fish_features="")
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(folder)
    os.execvpe(start[0][0], start[0], environment)


def read_for(seconds, done):
    """The shell's output goes nowhere, but must be read."""
    end = time.time() + seconds
    while time.time() < end and not done():
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                if not os.read(terminal, 65536):
                    return
            except OSError:
                return


def lines():
    try:
        with open(said, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]
    except OSError:
        return []


bad = 0
try:
    open(said, "w").close()
    os.write(terminal, start[1].encode())
    for attempt in range(60):  # until the shell has read what it was told
        os.write(terminal, b"\x15\x07")
        read_for(1, lambda: len(lines()) > 0)
        if lines():
            break
    else:
        sys.exit(f"{shell}: does not answer")
    os.write(terminal, b"\x15ready\x07")  # it may have answered more than once by now
    read_for(60, lambda: lines()[-1] == "ready")
    count = 0
    for case in sys.stdin.read().split("\n"):
        if not case:
            continue
        typed, becomes = case.split("|")
        before = len(lines())
        os.write(terminal, b"\x15" + typed.encode() + b"\t")
        read_for(0.1, lambda: False)
        os.write(terminal, b"\x07")
        read_for(20, lambda: len(lines()) > before)
        found = lines()[before] if len(lines()) > before else "(no answer)"
        count += 1
        if found != becomes:
            print(f"{shell}: {typed!r} became {found!r}, expected {becomes!r}")
            bad += 1
    print(f"{shell}: {count} completions")
finally:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
sys.exit(1 if bad or not count else 0)
