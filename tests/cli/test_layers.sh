#!/bin/sh
# The folders of src/ include only folders before them.
exec sh "$(dirname "$0")/../../tools/layers.sh"
