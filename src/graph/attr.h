/* Attribute structs as text "{kernel=[3,3] stride=[2,2]}", driven by the field tables of operations. */
#ifndef IL_GRAPH_ATTR_H
#define IL_GRAPH_ATTR_H

#include <stdio.h>

#include "graph/graph.h"

/* How many entries of a field are in use for a node of this rank. */
int il_attr_length(const il_field *field, int rank);
/* Nothing for operations without attributes. */
void il_attr_write(FILE *out, const il_op_info *info, const void *attr, int rank);
/* Reads what il_attr_write wrote into attr (attr_size bytes, zeroed here) and moves *text behind it.
 * On failure returns a fragment of a sentence; field (or NULL) is what was expected. */
const char *il_attr_read(const char **text, const il_op_info *info, void *attr, int rank,
                         const il_field **field);

#endif
