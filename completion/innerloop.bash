# Completion of innerloop for bash. What there is to complete says the program itself (`innerloop help --complete`).

_innerloop() {
  # Bash splits words at = and :, the program does not.
  local words=() word glue= i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $glue || $word == [=:]* ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    glue=
    [[ $word == *[=:] ]] && glue=1
  done
  local current=${words[-1]} last=${COMP_WORDS[COMP_CWORD]}
  [[ $last == [=:] ]] && last=
  local before=${current%"$last"} # what stands there already, and is not part of a reply

  local program=${COMP_WORDS[0]} line candidate ending
  [[ $program == '~'/* ]] && program=$HOME/${program:2}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    $'\t'folders)
      compopt -o filenames
      while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -d -- "$last")
      ;;
    $'\t'files*)
      compopt -o filenames
      ending=${line#$'\tfiles'}
      ending=${ending# }
      while IFS= read -r candidate; do
        [[ -d $candidate || $candidate == *"$ending" ]] && COMPREPLY+=("$candidate")
      done < <(compgen -f -- "$last")
      ;;
    *)
      candidate=${line%%$'\t'*}
      COMPREPLY+=("${candidate#"$before"}")
      [[ $candidate == *= ]] && compopt -o nospace
      ;;
    esac
  done < <("$program" help --complete "${words[@]}" 2>/dev/null)
}
complete -F _innerloop innerloop
