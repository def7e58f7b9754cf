# Completion of innerloop for fish. What there is to complete says the program itself (`innerloop help --complete`).

function __innerloop_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~(?=/)' $HOME -- $words[1])
    set -l typed (string replace -r '^--[a-z0-9-]+=' '' -- $current)
    set -l before (string match -r '^--[a-z0-9-]+=' -- $current)
    for line in ($program help --complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case \tfolders
                printf "$before%s\n" (__fish_complete_directories $typed '')
            case \tfiles
                printf "$before%s\n" (__fish_complete_path $typed)
            case \tfiles\ '*'
                set -l ending (string replace \t'files ' '' -- $line)
                printf "$before%s\n" (__fish_complete_path $typed | string match -r -e "(/|"(string escape --style=regex -- $ending)')(\t|$)')
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c innerloop -f -a '(__innerloop_complete)'
