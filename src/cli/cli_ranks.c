/* Ranks of the program (see cli_ranks.h). The module with MPI lies beside the program or in the library's folder, and is
 * loaded by a rank alone: what runs on one machine starts without it. */
#include "cli/cli_ranks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "mpi/mpi_ranks.h"
#include "ranks/ranks.h"

static const struct {
  const char *rank, *size;
} launchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                 {"PMI_RANK", "PMI_SIZE"},
                 {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}};

static struct {
  void *module;
  il_mpi_close *close;
  il_ranks ranks;
  int watcher; /* the pipe to who watches this rank; 0: nobody */
  const char *run;
} joined;

static int number(const char *name, int otherwise) {
  const char *text = name ? getenv(name) : NULL;
  char *end = NULL;
  const long value = text ? strtol(text, &end, 10) : otherwise;
  return text && (end == text || *end || value < 0 || value > 1000000) ? otherwise : (int)value;
}

int started_ranks(void) {
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
    if (getenv(launchers[i].rank) && number(launchers[i].size, 1) > 1)
      return number(launchers[i].size, 1);
  return 1;
}

int started_rank(void) {
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
    if (getenv(launchers[i].rank) && number(launchers[i].size, 1) > 1)
      return number(launchers[i].rank, 0);
  return 0;
}

/* NULL: the program has none. */
static void *open_module(void) {
#ifdef INNERLOOP_MPI_MODULE
  static const char *const folder[] = {"", INNERLOOP_MPI_FOLDER}; /* from the program's own */
  char program[4096], *path = NULL;
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return NULL;
  program[length] = 0;
  char *slash = strrchr(program, '/');
  if (!slash) return NULL;
  slash[1] = 0;
  void *module = NULL;
  for (size_t i = 0; i < sizeof folder / sizeof *folder && !module; i++) {
    if (asprintf(&path, "%s%s" INNERLOOP_MPI_MODULE, program, folder[i]) < 0) return NULL;
    module = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* Open MPI's own modules look for its names */
    free(path);
  }
  return module;
#else
  return NULL;
#endif
}

static void *find(void *module, const char *name) { return module ? dlsym(module, name) : NULL; }

static int kept_error = -1;

void hush(void) {
  const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nothing < 0) return;
  kept_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  dup2(nothing, STDOUT_FILENO);
  if (kept_error >= 0) dup2(nothing, STDERR_FILENO);
  close(nothing);
}

void unhush(void) {
  if (kept_error < 0) return;
  fflush(stderr);
  dup2(kept_error, STDERR_FILENO);
  close(kept_error);
  kept_error = -1;
}

const char *mpi_name(void) {
  static char text[128];
  void *module = open_module();
  void *found = find(module, IL_MPI_NAME);
  il_mpi_name *name = NULL;
  memcpy(&name, &found, sizeof name);
  if (name) name(text, sizeof text);
  return name ? text : NULL;
}

void ranks_leave_behind(const char *run) { joined.run = run; }

/* The parent of a process, and whether the process is named as launchers are; 0: it cannot be seen. */
static pid_t parent_of(pid_t process, bool *launcher) {
  static const char *const names[] = {"mpiexec", "mpirun", "hydra", "prte", "orte", "srun"};
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  FILE *in = fopen(path, "re");
  if (!in) return 0;
  const size_t size = fread(text, 1, sizeof text - 1, in);
  fclose(in);
  text[size] = 0;
  const char *name = strchr(text, '('), *end = strrchr(text, ')'); /* "7 (mpiexec) S 6 …" */
  if (!name || !end) return 0;
  *launcher = false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    *launcher = *launcher || strncmp(name + 1, names[i], strlen(names[i])) == 0;
  char state;
  int parent;
  return sscanf(end, ") %c %d", &state, &parent) == 2 ? parent : 0;
}

/* Where the launcher itself complains, which no longer reads what comes from a rank that has died: the first of those that
 * started each other, where this rank is on its machine. -1: none is, or it is not ours. */
static int launchers_error(void) {
  pid_t process = getppid(), first = process;
  for (int up = 0; up < 8 && process > 1; up++) {
    bool launcher = false;
    const pid_t parent = parent_of(process, &launcher);
    if (launcher) first = process;
    process = parent;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/2", (int)first);
  return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* A process that outlives this rank, and says so when it was killed: launchers end the whole job with one that dies. */
static void watch(int size) {
  int pipes[2];
  if (!joined.run || pipe2(pipes, O_CLOEXEC) != 0) return;
  const int launcher = launchers_error();
  const pid_t child = fork();
  if (child != 0) {
    if (launcher >= 0) close(launcher);
    close(pipes[0]);
    if (child > 0)
      joined.watcher = pipes[1];
    else
      close(pipes[1]);
    return;
  }
  setsid();
  for (int s = 1; s < NSIG; s++) signal(s, SIG_IGN);
  close(pipes[1]);
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  char byte;
  if (read(pipes[0], &byte, 1) == 0) {
    usleep(200000); /* what the launcher has to say comes first */
    char path[4096];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", joined.run);
    const char *left =
        access(path, F_OK) == 0
            ? "keeps the last checkpoint: continue with --resume, on any number of ranks"
            : "has no checkpoint yet";
    const char *words =
        "innerloop: a rank of %d ended before its time, and the job with it; %s %s\n";
    if (dprintf(STDERR_FILENO, words, size, joined.run, left) < 0 && launcher >= 0)
      dprintf(launcher, words, size, joined.run, left);
  }
  _exit(0);
}

static void stop_watching(void) {
  if (!joined.watcher) return;
  if (write(joined.watcher, "", 1) < 0) return;
  close(joined.watcher);
  joined.watcher = 0;
}

const il_ranks *join_ranks(il_context *context) {
  const int size = started_ranks();
  if (size <= 1) return NULL;
  void *found[2], *module = open_module();
  il_mpi_open *open = NULL;
  found[0] = find(module, IL_MPI_OPEN);
  found[1] = find(module, IL_MPI_CLOSE);
  memcpy(&open, &found[0], sizeof open);
  memcpy(&joined.close, &found[1], sizeof joined.close);
  if (!open || !joined.close) {
    const char *why = dlerror();
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "started as %d ranks, but MPI is not there (%s); expected one process, or a program "
            "built with MPI (docs/scale.md)",
            size, why ? why : "it was not found when innerloop was built");
    return NULL;
  }
  if (started_rank() == 0) watch(size);
  char sentence[200];
  if (!open(&joined.ranks, sentence, sizeof sentence)) {
    il_fail(context, IL_ERROR_RANKS, "%s", sentence);
    return NULL;
  }
  joined.module = module;
  if (joined.ranks.size != size) { /* each would believe to be alone */
    il_fail(context, IL_ERROR_RANKS,
            "started as %d ranks, of which %s finds %d; expected the launcher of the MPI that "
            "innerloop was built with (docs/scale.md)",
            size, mpi_name(), joined.ranks.size);
    return NULL;
  }
  return il_ranks_several(&joined.ranks);
}

int leave_ranks(il_context *context) {
  const il_status status = il_context_status(context);
  const int code = finish(context);
  if (!joined.module) {
    stop_watching();
    return code;
  }
  fflush(stdout);
  stop_watching();
  /* Without memory it may be that the others wait for something that this rank could not say. */
  joined.close(status == IL_ERROR_MEMORY, code);
  return code;
}

bool ranks_well(il_context *context, const il_ranks *ranks) {
  return (ranks ? il_ranks_agree(context, ranks) : il_context_status(context)) == IL_OK;
}

il_config *load_config_together(il_context *context, const il_ranks *ranks, const settings *s) {
  if (il_context_status(context) != IL_OK) return NULL; /* MPI did not start */
  il_config *config = il_ranks_first(ranks) ? load_config(context, s) : NULL;
  if (ranks && ranks_well(context, ranks) && ranks->rank > 0) config = load_config(context, s);
  if (ranks && !ranks_well(context, ranks)) {
    il_config_free(config);
    return NULL;
  }
  return config;
}

int threads_of_rank(int asked) {
  const int here = number("OMPI_COMM_WORLD_LOCAL_SIZE", number("MPI_LOCALNRANKS", 1));
  cpu_set_t set;
  CPU_ZERO(&set);
  if (asked || started_ranks() == 1 || sched_getaffinity(0, sizeof set, &set) != 0) return asked;
  const int cores = CPU_COUNT(&set);
  if (cores < sysconf(_SC_NPROCESSORS_ONLN)) return asked; /* the launcher gave it its own */
  return cores / here > 1 ? cores / here : 1;
}
