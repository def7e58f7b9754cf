/* Tables of text: classes with features, and regression with tasks. */
#include "support/imports.h"

#include <math.h>

#include "data/table_file.h"

static void feature(const il_dataset *d, int cls, int example, int at, double expected) {
  assert_true(fabs((double)((const float *)il_dataset_example(d, cls, example))[at] - expected) <
              1e-6);
}

static void test_classes(void **state) {
  (void)state;
  write_source("flowers.csv", "\xef\xbb\xbf,long,wide,species\r\n"
                              "0,1.5,2e0,setosa\r\n1,2.5,3,\"virg \"\"x\"\"\"\r\n"
                              "2,3.5,4,setosa\r\n3,4.5,5,\"virg \"\"x\"\"\"\r\n");
  imported(&(il_import_options){0});
  assert_string_equal(report.kind, "csv");
  noted("classes: column 'species', by its name");
  noted("column 1 counts the rows and is left out");
  noted("numbers from 1.5 to 5, float32; nets see them times 1");
  il_dataset *d = il_dataset_open(context, out);
  assert_non_null(d);
  assert_int_equal(il_dataset_classes(d), 2);
  assert_string_equal(il_dataset_class_name(d, 1), "virg \"x\"");
  assert_int_equal(il_shape_count(il_dataset_shape(d)), 2);
  feature(d, 0, 1, 0, 3.5);
  feature(d, 1, 0, 1, 3);
  il_dataset_free(d);
}

/* No header, labels in front; numbers as classes in the order of numbers; a scale. */
static void test_without_header(void **state) {
  (void)state;
  write_source("letters.csv", "T,1,2\nI,3,4\nT,5,6\n");
  imported(&(il_import_options){.scale_auto = true});
  noted("no header line; classes: column 1, the only one that is no numbers");
  il_dataset *d = il_dataset_open(context, out);
  assert_string_equal(il_dataset_class_name(d, 0), "I");
  assert_true(fabs(il_dataset_scale(d) - 1 / sqrt(35.0 / 12)) < 1e-9);
  il_dataset_free(d);
  write_source("numbers.tsv", "1\t2\t10\n3\t4\t9\n5\t6\t-1.0\n");
  imported(&(il_import_options){0});
  d = il_dataset_open(context, out);
  assert_int_equal(il_dataset_classes(d), 3);
  assert_string_equal(il_dataset_class_name(d, 0), "-1");
  assert_string_equal(il_dataset_class_name(d, 2), "10");
  il_dataset_free(d);
  imported(&(il_import_options){.y = "1", .x = "3,2"});
  d = il_dataset_open(context, out);
  assert_string_equal(il_dataset_class_name(d, 2), "5");
  feature(d, 0, 0, 0, 10);
  feature(d, 0, 0, 1, 2);
  il_dataset_free(d);
  write_source("names.csv", "1,2\n3,a\n4,b\n");
  refused(&(il_import_options){.header = IL_HEADER_YES, .x = "2", .y = "1"},
          ":2: column '2' holds \"a\"");
}

static void test_skipped(void **state) {
  (void)state;
  write_source("holes.csv", "a,b,label\n1,2,u\n,2,u\n3,NaN,v\n4,5,v\n6,inf,v\n7,8,\n9,9,u\n");
  imported(&(il_import_options){0});
  assert_int_equal(report.examples, 3);
  assert_int_equal(report.skipped, 4);
  char words[2048];
  snprintf(words, sizeof words,
           "%s:3: column 'a' is empty\n%s:4: column 'b' is no number (NaN)\n"
           "%s:6: column 'b' is infinite\n%s:7: column 'label' is empty\n",
           source, source, source, source);
  assert_string_equal(report.skips, words);
  noted("class 'v' has a single example");
  refused(&(il_import_options){.strict = true}, ":3: column 'a' is empty");
}

static void test_refused(void **state) {
  (void)state;
  const il_import_options none = {0};
  write_source("bad.csv", "a,b,l\n1,2,u\n2,3\n");
  refused(&none, ":3: found 2 fields, expected 3 as in the first line");
  write_source("bad.csv", "");
  refused(&none, "is empty, expected a table");
  write_source("bad.csv", "a,b,label\n");
  refused(&none, "has only a header line, expected rows below it");
  write_source("bad.csv", "a,b,label\n1,2,u\n3,4,u\n");
  refused(&none, "has a single class, 'u', expected two or more");
  write_source("bad.csv", "a,b,y\n1,2,1\n3,4,0.5\n");
  refused(&none, ":3: the label in column 'y' is 0.5, expected a whole number or a text");
  write_source("bad.csv", "a,b,y\n1,2,1\n3,4,1e300\n");
  refused(&none, ":3: the label in column 'y' is 1e+300, expected a whole number");
  write_source("bad.csv", "a;b;l\n1,5;2;u\n2,5;3;v\n");
  refused(&none, ":2: column 'a' holds \"1,5\", expected a number with a decimal point");
  write_source("bad.csv", "a,colour,l\n1,red,u\n2,blue,v\n");
  refused(&none, ":2: column 'colour' holds \"red\", expected a number; --x says which");
  write_source("bad.csv", "label\nu\nv\n");
  refused(&none, "has 1 column, expected features and a class");
  write_source("bad.csv", "a,b,l\n,2,u\n,3,v\n");
  refused(&none, "has no examples: all were skipped");
  write_source("bad.csv", "a,b,l\n1,2,u\n2,3,v\n");
  refused(&(il_import_options){.y = "m"}, "has no column 'm' (--y)");
  refused(&(il_import_options){.y = "4"}, "has no column '4' (--y)");
  refused(&(il_import_options){.x = "a,l"}, "the column 'l' cannot be both an input and the class");
  refused(&(il_import_options){.grey = true}, "has no use for --grey");
  refused(&(il_import_options){.standardize = true}, "has no use for --standardize");
}

/* ---- regression ---- */

static void test_table(void **state) {
  (void)state;
  write_source("rates.csv", "when,task,y1,y_2\n1,b,10,1\n2,a,20,2\n3,b,30,3\n6,a,40,6\n");
  imported(&(il_import_options){0});
  assert_string_equal(report.kind, "table");
  assert_int_equal(report.classes, 2);
  assert_int_equal(report.examples, 4);
  il_table *t = il_table_open(context, out);
  assert_non_null(t);
  assert_int_equal(t->tasks, 2);
  assert_int_equal(t->inputs, 1);
  assert_int_equal(t->outputs, 2);
  assert_string_equal(t->task[0], "b");
  assert_string_equal(t->output[1], "y_2");
  const float x[] = {1, 3, 2, 6}, y[] = {10, 1, 30, 3, 20, 2, 40, 6};
  const int32_t start[] = {0, 2, 4};
  assert_memory_equal(t->x, x, sizeof x);
  assert_memory_equal(t->y, y, sizeof y);
  assert_memory_equal(t->start, start, sizeof start);
  assert_string_equal(il_safetensors_metadata(t->file, "made_from"), "rates.csv");
  assert_non_null(il_safetensors_metadata(t->file, "made_of_hash"));
  il_table_free(t);
}

static void test_standardized(void **state) {
  (void)state;
  write_source("rates.csv", "who,a,c,b\n7,1,5,2\n9,3,5,6\n7,5,5,4\n9,7,5,8\n");
  imported(&(il_import_options){.task = "who", .y = "b", .standardize = true});
  noted("'c' is 5 in every row: its deviation is taken for 1");
  il_table *t = il_table_open(context, out);
  assert_non_null(t);
  assert_true(fabs(t->x_mean[0] - 4) < 1e-12 && fabs(t->x_deviation[0] - sqrt(5)) < 1e-12);
  assert_true(fabs(t->y_mean[0] - 5) < 1e-12 && fabs(t->y_deviation[0] - sqrt(5)) < 1e-12);
  assert_true(fabs((double)t->x[0] + 3 / sqrt(5)) < 1e-6 && t->x[1] == 0);
  assert_true(fabs((double)t->y[3] - 3 / sqrt(5)) < 1e-6);
  assert_string_equal(t->task[1], "9");
  assert_string_equal(il_safetensors_metadata(t->file, "made_with"),
                      "kind=table y=b task=who standardize");
  il_table_free(t);
}

static void test_table_refused(void **state) {
  (void)state;
  write_source("bad.csv", "task,x,y\na,1,2\nb,,3\na,2,z\n");
  refused(&(il_import_options){0}, ":4: column 'y' holds \"z\", expected a number");
  write_source("bad.csv", "task,x,y\na,1,2\nb,,3\n,2,3\nc,1,1\n");
  imported(&(il_import_options){0});
  assert_int_equal(report.skipped, 2);
  assert_non_null(strstr(report.skips, ":3: column 'x' is empty"));
  assert_non_null(strstr(report.skips, ":4: column 'task' is empty"));
  refused(&(il_import_options){.strict = true}, ":3: column 'x' is empty");
  write_source("bad.csv", "task,x,y\na,1,2\na,2,3\n");
  refused(&(il_import_options){0}, "has a single task, 'a', expected two or more");
  write_source("bad.csv", "x,y\n1,2\n2,3\n");
  refused(&(il_import_options){.kind = "table"}, "has no column named task, task_id or group");
  write_source("bad.csv", "task,y\na,2\nb,3\n");
  refused(&(il_import_options){0}, "expected a task, inputs and outputs");
  write_source("bad.csv", "task,x,y\na,1,2\nb,2,3\n");
  refused(&(il_import_options){.x = "x", .y = "x"}, "the column 'x' is used twice");
  refused(&(il_import_options){.scale = 2}, "has no use for --scale");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_classes),      cmocka_unit_test(test_without_header),
      cmocka_unit_test(test_skipped),      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_table),        cmocka_unit_test(test_standardized),
      cmocka_unit_test(test_table_refused)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
