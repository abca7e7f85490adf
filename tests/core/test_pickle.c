#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pickle.h"
#include "tests/core/containers.h"

#define BUDGET ((size_t)48 << 20) /* what a file of 1 MiB may take */

/* Reads a program (PROTO and STOP are added) and returns its status; what it used up stays below the budget. */
static babel_status run(babel_pickle *pickle, const void *program, size_t size) {
  static bytes b; /* texts of the result point into it */
  static size_t budget;
  bytes_free(&b);
  pickle_begin(&b);
  put(&b, program, size);
  put_text(&b, ".");
  budget = BUDGET;
  babel_status status = babel_pickle_read(pickle, "x.pkl", b.data, b.size, &budget);
  if (status != BABEL_OK) {
    cr_assert(strstr(babel_error_last()->sentence, "x.pkl"), "%s", babel_error_last()->sentence);
    cr_assert_null(pickle->blocks);
    bytes_free(&b);
  }
  cr_assert_leq(budget, BUDGET);
  return status;
}

#define RUN(pickle, program) run(pickle, program, sizeof program - 1)

static void refuse(const void *program, size_t size, const char *word) {
  babel_pickle pickle;
  cr_assert_neq(run(&pickle, program, size), BABEL_OK, "%s", word);
  cr_assert(strstr(babel_error_last()->sentence, word), "expected \"%s\" in: %s", word, babel_error_last()->sentence);
}

#define REFUSE(program, word) refuse(program, sizeof program - 1, word)

static void expect_int(const char *program, size_t size, int64_t expected) {
  babel_pickle pickle;
  cr_assert_eq(run(&pickle, program, size), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(pickle.root.kind, BABEL_PICKLE_INT);
  cr_assert_eq(pickle.root.integer, expected, "%lld", (long long)pickle.root.integer);
  babel_pickle_close(&pickle);
}

#define EXPECT_INT(program, value) expect_int(program, sizeof program - 1, value)

Test(core_pickle, whole_numbers_of_every_form) {
  EXPECT_INT("K\xff", 255);
  EXPECT_INT("M\xff\xff", 65535);
  EXPECT_INT("J\xfe\xff\xff\xff", -2);
  EXPECT_INT("J\xff\xff\xff\x7f", INT32_MAX);
  EXPECT_INT("\x8A\0", 0);
  EXPECT_INT("\x8A\1\x80", -128);
  EXPECT_INT("\x8A\2\x80\0", 128);
  EXPECT_INT("\x8A\x08\0\0\0\0\0\0\0\x80", INT64_MIN);
  EXPECT_INT("\x8A\x08\xff\xff\xff\xff\xff\xff\xff\x7f", INT64_MAX);
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "\x8A\x09\0\0\0\0\0\0\0\0\1"), BABEL_OK);
  cr_assert_eq(pickle.root.kind, BABEL_PICKLE_LONG, "2^64");
  babel_pickle_close(&pickle);
}

#define P(program) program, sizeof program - 1

Test(core_pickle, values_are_described) {
  static const struct {
    const char *program;
    size_t size;
    const char *words;
  } cases[] = {
      {P("N"), "None"}, {P("\x88"), "a truth value"}, {P("K\1"), "a whole number"}, {P("\x8A\x09\0\0\0\0\0\0\0\0\1"), "a whole number beyond 64 bits"},
      {P("G\x3f\xf0\0\0\0\0\0\0"), "a number"}, {P("X\2\0\0\0hi"), "a text"}, {P("U\2hi"), "a text"}, {P("\x8C\2hi"), "a text"}, {P("T\2\0\0\0hi"), "a text"},
      {P("C\2hi"), "bytes"}, {P("B\2\0\0\0hi"), "bytes"}, {P("\x96\2\0\0\0\0\0\0\0hi"), "bytes"}, {P("ca\nb\n)}\x92"), "a.b"}, {P(")"), "a tuple of 0"}, {P("K\1\x85"), "a tuple of 1"}, {P("K\1K\2K\3\x87"), "a tuple of 3"},
      {P("(K\1K\2K\3K\4t"), "a tuple of 4"}, {P("]"), "a list of 0"}, {P("](K\1K\2e"), "a list of 2"}, {P("]K\1a"), "a list of 1"}, {P("}"), "a dictionary of 0"},
      {P("}K\1K\2s"), "a dictionary of 1"}, {P("}(K\1NK\2Nu"), "a dictionary of 2"}, {P("\x8F(K\1\x90"), "a set of 1"}, {P("(K\1\x91"), "a set of 1"},
      {P("cargparse\nNamespace\n"), "argparse.Namespace"}, {P("cargparse\nNamespace\n)R}K\1K\2sb"), "argparse.Namespace"},
      {P("cmmcv\nConfig\n)\x81(K\1K\2uK\3K\4sK\5a(K\6e"), "mmcv.Config"}, {P("\x8C\3mod\x8C\4Name\x93)\x81"), "mod.Name"},
      {P("ca\nb\n)R)R"), "a.b"}, {P("ctorch\nFloatStorage\n)R"), "torch.FloatStorage"},
      {P("((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\5tQt"), "a tuple of 1"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_pickle pickle;
    char text[300];
    cr_assert_eq(run(&pickle, cases[i].program, cases[i].size), BABEL_OK, "case %zu: %s", i, babel_error_last()->sentence);
    cr_assert_str_eq(babel_pickle_describe(&pickle.root, text, sizeof text), cases[i].words, "case %zu: %s", i, text);
    babel_pickle_close(&pickle);
  }
}

Test(core_pickle, dictionaries_are_looked_up_by_text) {
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "}(X\1\0\0\0aK\1K\7K\2X\1\0\0\0bK\3X\1\0\0\0aK\4u"), BABEL_OK);
  cr_assert_eq(babel_pickle_get(&pickle.root, "b")->integer, 3);
  cr_assert_eq(babel_pickle_get(&pickle.root, "a")->integer, 4, "the last one counts, as in Python");
  cr_assert_null(babel_pickle_get(&pickle.root, "c"));
  cr_assert_null(babel_pickle_get(babel_pickle_get(&pickle.root, "b"), "a"));
  babel_pickle_close(&pickle);
  babel_pickle_close(&pickle);
}

Test(core_pickle, memo_gives_values_back) {
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "(K\1q\0K\2r\1\2\0\0K\3\x94h\0j\1\2\0\0h\2t"), BABEL_OK, "%s", babel_error_last()->sentence);
  static const int64_t expected[6] = {1, 2, 3, 1, 2, 3};
  cr_assert_eq(pickle.root.items->count, 6);
  for (int i = 0; i < 6; i++) cr_assert_eq(pickle.root.items->values[i].integer, expected[i]);
  babel_pickle_close(&pickle);
  cr_assert_eq(RUN(&pickle, "(K\1q\0K\2q\0K\3\x94h\0h\1t"), BABEL_OK, "a number set twice counts once: %s", babel_error_last()->sentence);
  cr_assert_eq(pickle.root.items->values[3].integer, 2);
  cr_assert_eq(pickle.root.items->values[4].integer, 3);
  babel_pickle_close(&pickle);
}

/* Python 2 wrote OrderedDict as a call with a list of pairs, and lengths as long numbers. */
Test(core_pickle, python_2_ordered_dictionary) {
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "ccollections\nOrderedDict\n](](U\1a\x8A\1\5e](U\1b\x8A\1\6ee\x85R"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_pickle_get(&pickle.root, "a")->integer, 5);
  cr_assert_eq(babel_pickle_get(&pickle.root, "b")->integer, 6);
  babel_pickle_close(&pickle);
}

Test(core_pickle, names_that_run_things_are_refused_outright) {
  static const char *const names[] = {"os\nsystem", "os\nset", "posix\nsystem", "nt\nsystem", "os.path\njoin", "subprocess\nPopen", "sys\nexit", "builtins\neval",
                                      "builtins\nexec", "builtins\n__import__", "builtins\ngetattr", "__builtin__\neval", "__builtin__\ngetattr",
                                      "importlib\nimport_module", "runpy\nrun_path", "pickle\nloads", "_pickle\nloads", "operator\nattrgetter", "shutil\nrmtree"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    babel_pickle pickle;
    bytes b = {0};
    put_text(&b, "c");
    put_text(&b, names[i]);
    put_text(&b, "\n");
    pickle_text(&b, "echo PWNED");
    put_text(&b, "\x85R");
    cr_assert_eq(run(&pickle, b.data, b.size), BABEL_ERR_FORMAT, "%s", names[i]);
    cr_assert(strstr(babel_error_last()->sentence, "refused"), "%s", babel_error_last()->sentence);
    bytes_free(&b);
  }
  REFUSE("\x8C\2os\x8C\6system\x93", "os.system");
  REFUSE("(X\2\0\0\0osq\1tX\2\0\0\0osX\6\0\0\0system\x93", "os.system");
}

Test(core_pickle, plain_data_types_and_look_alikes_stay_opaque) {
  static const char *const names[] = {"builtins\nset", "__builtin__\nset", "builtins\nobject", "__builtin__\nbytearray", "oslo\nThing", "sysconfig\nThing",
                                      "mymodule.os\nsystem", "torch.nn.modules.linear\nLinear", "numpy\ndtype"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    babel_pickle pickle;
    bytes b = {0};
    put_text(&b, "c");
    put_text(&b, names[i]);
    put_text(&b, "\n)R");
    cr_assert_eq(run(&pickle, b.data, b.size), BABEL_OK, "%s", names[i]);
    cr_assert_eq(pickle.root.kind, BABEL_PICKLE_OPAQUE);
    cr_assert_eq(pickle.name_count, 1);
    babel_pickle_close(&pickle);
    bytes_free(&b);
  }
}

Test(core_pickle, damaged_programs_are_refused) {
  REFUSE("", "one value");
  REFUSE("NN", "one value");
  REFUSE("N(", "one value");
  REFUSE("t", "no mark");
  REFUSE("e", "no mark");
  REFUSE("N(K", "truncated"); /* K takes the STOP as its number */
}

Test(core_pickle, stack_never_runs_below_a_mark) {
  REFUSE("K\1(\x85t", "too few");
  REFUSE("\x86", "too few");
  REFUSE("](a", "too few");
  REFUSE("K\1a", "too few");
  REFUSE("K\1K\2a", "not of the kind");
  REFUSE("]K\1K\2s", "not of the kind");
  REFUSE("](K\1u", "not of the kind");
  REFUSE("}(K\1u", "without a value");
  REFUSE("((K\1K\2u", "no container");
  REFUSE("(q\0", "nothing is left");
  REFUSE("q\0", "nothing is left");
  REFUSE("h\0", "never set");
  REFUSE("Nq\0j\xff\xff\xff\xff", "never set");
  REFUSE("R", "nothing is left");
  REFUSE("K\1)R", "a name to call");
  REFUSE("Q", "nothing is left");
  REFUSE("K\1Q", "id of a storage");
  REFUSE(")Q", "id of a storage");
  REFUSE("b", "too few");
  REFUSE("Nb", "too few");
  REFUSE("ca\nb\n)\x92", "nothing is left");
  REFUSE("\x96\xff\xff\xff\xff\xff\xff\xff\xffhi", "truncated");
  REFUSE("NN\x93", "two texts");
  REFUSE("ctorch._utils\n_rebuild_tensor_v2\n)R", "storage, offset");
  REFUSE("ctorch._utils\n_rebuild_tensor_v2\nNR", "tuple of arguments");
  REFUSE("ctorch._utils\n_rebuild_tensor_v2\n(K\1K\2K\3K\4tR", "storage, offset");
  REFUSE("ctorch._utils\n_rebuild_parameter\nK\1\x85R", "tensor of a parameter");
  REFUSE("ctorch._utils\n_rebuild_parameter\n)R", "tensor of a parameter");
  REFUSE("ccollections\nOrderedDict\nK\1\x85R", "list of pairs");
  REFUSE("ccollections\nOrderedDict\n]K\1a\x85R", "list of pairs");
}

Test(core_pickle, unknown_opcodes_are_named_with_their_offset) {
  static const unsigned char known[] = {0x80, 0x95, '.',  'N', 0x88, 0x89, 'J',  'K',  'M',  0x8A, 'G',  'X', 'T', 'U', 0x8C, 'B', 'C', '(', ')', ']', '}', 0x8F,
                                        0x85, 0x86, 0x87, 't', 0x91, 'a',  's',  'e',  'u',  0x90, 'q',  'r', 0x94, 'h', 'j', 'c', 0x93, 'Q', 'R', 0x81, 0x92, 'b', 0x96};
  for (int op = 0; op < 256; op++) {
    babel_pickle pickle;
    char program[2] = {'N', (char)op}, word[8];
    if (memchr(known, op, sizeof known)) continue;
    cr_assert_eq(run(&pickle, program, 2), BABEL_ERR_UNSUPPORTED, "opcode %02x", op);
    snprintf(word, sizeof word, "0x%02X", op);
    cr_assert(strstr(babel_error_last()->sentence, word) && strstr(babel_error_last()->sentence, "byte 3"), "%s", babel_error_last()->sentence);
  }
  REFUSE("\x80\6N", "protocol 2 to 5");
  REFUSE("\x80\1N", "protocol 2 to 5");
  REFUSE("\x95\xff\0\0\0\0\0\0\0N", "truncated");
}

Test(core_pickle, program_cut_anywhere_is_truncated) {
  static const char program[] = "\x80\2}(X\4\0\0\0nameK\1U\3keyJ\1\2\3\4X\1\0\0\0fG\0\0\0\0\0\0\0\0X\1\0\0\0lM\1\2X\1\0\0\0o\x8A\2\1\2X\1\0\0\0cca\nb\nr\0\1\0\0)Ru.";
  babel_pickle pickle;
  size_t budget = BUDGET, size = sizeof program - 1;
  cr_assert_eq(babel_pickle_read(&pickle, "x.pkl", program, size, &budget), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(pickle.size, size);
  babel_pickle_close(&pickle);
  for (size_t cut = 0; cut < size; cut++) {
    char *copy = malloc(cut ? cut : 1); /* exactly as long as promised, so that reading on is seen */
    memcpy(copy, program, cut);
    cr_assert_neq(babel_pickle_read(&pickle, "x.pkl", copy, cut, &budget), BABEL_OK, "cut to %zu", cut);
    cr_assert(strstr(babel_error_last()->sentence, "truncated"), "cut to %zu: %s", cut, babel_error_last()->sentence);
    free(copy);
  }
}

/* ---- bounds ---- */

Test(core_pickle, nesting_is_limited_to_64) {
  for (int depth = 63; depth <= 66; depth++) {
    babel_pickle pickle;
    bytes b = {0};
    put_text(&b, ")");
    for (int i = 1; i < depth; i++) put_u8(&b, 0x85); /* tuples around tuples */
    babel_status status = run(&pickle, b.data, b.size);
    cr_assert_eq(status, depth <= 64 ? BABEL_OK : BABEL_ERR_FORMAT, "depth %d", depth);
    if (status == BABEL_OK) babel_pickle_close(&pickle);
    bytes_free(&b);
    for (int i = 0; i < depth; i++) put_text(&b, "(");
    for (int i = 0; i < depth; i++) put_text(&b, "t");
    status = run(&pickle, b.data, b.size);
    cr_assert_eq(status, depth <= 64 ? BABEL_OK : BABEL_ERR_FORMAT, "%d marks", depth);
    if (status == BABEL_OK) babel_pickle_close(&pickle);
    bytes_free(&b);
  }
}

Test(core_pickle, memo_numbers_end_below_a_million) {
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "Nr\x3f\x42\x0f\0"), BABEL_OK, "999,999: %s", babel_error_last()->sentence);
  babel_pickle_close(&pickle);
  REFUSE("Nr\x40\x42\x0f\0", "1,000,000");
  REFUSE("Nr\xff\xff\xff\xff", "1,000,000");
}

/* A list that holds itself, and 64 levels that each hold the level below twice: 2^64 paths. */
Test(core_pickle, loops_and_shared_values_cost_nothing) {
  babel_pickle pickle;
  cr_assert_eq(RUN(&pickle, "]q\0h\0a"), BABEL_OK);
  babel_pickle_close(&pickle);
  bytes b = {0};
  put_text(&b, ")");
  for (int i = 1; i < 64; i++) put(&b, "q\1h\1\x86", 5);
  cr_assert_eq(run(&pickle, b.data, b.size), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_pickle_close(&pickle);
  bytes_free(&b);
}

/* Programs just under 1 MiB that ask for as much memory as a byte can: refused, or read within the budget. */
Test(core_pickle, hostile_programs_stay_within_the_budget, .timeout = 60) {
  static const struct {
    const char *start, *again, *end;
    size_t again_size;
  } cases[] = {
      {"(", "}", "t", 1}, {"(", "]", "t", 1}, {"(", ")", "t", 1}, {"(", "ca\nb\n", "t", 5}, {"]", "Na", "", 2}, {"}", "NNs", "", 3}, {"(", "N\x94", "t", 2},
      {"(", "\x8F", "t", 1}, {"(", "NN\x86", "t", 3}, {"(", "](NNNNNNe", "t", 9}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_pickle pickle;
    bytes b = {0}, many = {0};
    for (int k = 0; k < 1000; k++) put(&many, cases[i].again, cases[i].again_size);
    put_text(&b, cases[i].start);
    while (b.size + many.size < ((size_t)1 << 20) - 100) put(&b, many.data, many.size);
    put_text(&b, cases[i].end);
    bytes_free(&many);
    babel_status status = run(&pickle, b.data, b.size);
    if (status == BABEL_OK) babel_pickle_close(&pickle);
    else cr_assert(strstr(babel_error_last()->sentence, "memory"), "case %zu: %s", i, babel_error_last()->sentence);
    bytes_free(&b);
  }
}

/* 100 kB of pairs, turned into an ordered dictionary 100,000 times. */
Test(core_pickle, copies_of_copies_are_stopped_by_the_budget, .timeout = 60) {
  babel_pickle pickle;
  bytes b = {0};
  put_text(&b, "](");
  for (int i = 0; i < 30000; i++) put_text(&b, "NN\x86");
  put(&b, "e\x85q\1", 4);
  pickle_name(&b, "collections", "OrderedDict");
  put(&b, "q\2", 2);
  put_text(&b, "(");
  for (int i = 0; i < 100000; i++) put(&b, "h\2h\1R", 5);
  put_text(&b, "t");
  cr_assert_eq(run(&pickle, b.data, b.size), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "memory"));
  bytes_free(&b);
}

/* Every length that a program may claim, against a buffer of exactly its size. */
Test(core_pickle, random_programs_are_refused_or_read_without_harm, .timeout = 60) {
  static const char opcodes[] = "\x80\x95N\x88JKMXTU\x8C" "BC()]}\x8F\x85\x86\x87t\x91" "aseu\x90qr\x94hjc\x93QR\x81\x92\x96" "b";
  uint32_t state = 12345;
  int read = 0;
  for (int round = 0; round < 20000; round++) {
    bytes b = {0};
    babel_pickle pickle;
    size_t budget = BUDGET;
    pickle_begin(&b);
    int length = 1 + round % 40;
    for (int i = 0; i < length; i++) {
      state = state * 1664525u + 1013904223u;
      uint32_t draw = state >> 16;
      put_u8(&b, draw % 3 == 0 ? draw >> 8 & 7 : (unsigned char)opcodes[draw / 3 % (sizeof opcodes - 1)]);
    }
    put_text(&b, ".");
    unsigned char *exact = malloc(b.size);
    memcpy(exact, b.data, b.size);
    if (babel_pickle_read(&pickle, "x.pkl", exact, b.size, &budget) == BABEL_OK) {
      char text[64];
      babel_pickle_describe(&pickle.root, text, sizeof text);
      babel_pickle_close(&pickle);
      read++;
    }
    free(exact);
    bytes_free(&b);
  }
  cr_assert_gt(read, 10, "some programs must be good, else this shows little: %d", read);
}
