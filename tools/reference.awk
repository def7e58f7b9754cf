# What doxygen is to read of a public header: its comments, which are plain in the headers, become doxygen's.
#   /* above a declaration */     ->  /** … */     the first of a file: /** @file … */
#   declaration; /* behind it */  ->  declaration; /**< … */
#   int a, b; /* of both */       ->  int a; /**< … */ int b; /**< … */
#   /* ---- a part ---- */        stays plain
#   #include "error.def"          ->  its rows, as enumerators
function rows(folder,   line, part) {
  while ((getline line < (folder "error.def")) > 0)
    if (match(line, /^IL_ERROR\(/)) {
      sub(/^IL_ERROR\(/, "", line)
      split(line, part, /, */)
      summary = line
      sub(/^[^"]*"/, "", summary)
      sub(/"\)?.*$/, "", summary)
      printf "IL_%s = %s, /**< %s */ ", part[1], part[2], summary
    }
  print ""
}
FNR == 1 { first = 1; name = FILENAME; sub(/.*\//, "", name) }
/^#include "error.def"/ { folder = FILENAME; sub(/[^\/]*$/, "", folder); rows(folder); next }
/^ *\/\* ----/ { print; next }
/^ *\/\* / {
  sub(/\/\* /, first ? "/** @file " name " @brief " : "/** ")
  first = 0
  print
  above = $0
  inside = !/\*\//
  next
}
# Declarators on further lines come to the first.
/^  [a-z][][A-Za-z0-9_ ,*]*,$/ { begun = $0; getline; sub(/^ +/, " "); $0 = begun $0; print "" }
# Fields on one line share their comment, be it behind them or above.
/^ +[a-z][A-Za-z0-9_ ]*[ *][^(){}]*,[^(){}]*;( *\/\*.*\*\/)?$/ {
  at = index($0, "/*")
  said = at ? "/**< " substr($0, at + 3) : ""
  list = $0
  sub(/; *(\/\*.*)?$/, "", list)
  match(list, /^ +(const |unsigned |struct |enum )?[A-Za-z0-9_]+ /)
  type = substr(list, 1, RLENGTH)
  count = split(substr(list, RLENGTH + 1), field, /, */)
  for (i = 1; i <= count; i++) printf "%s%s%s; %s", (i > 1 && !at ? above : ""), type, field[i], said
  print ""
  above = ""
  next
}
/[^ ].*\/\* / { sub(/\/\* /, "/**< ") }
{
  print
  if (inside) above = above " " $0
  if (!inside) above = ""
  if (/\*\//) inside = 0
}