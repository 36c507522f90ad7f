/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar of a configuration file. It knows sections and statements, not keys: what a word
 * means and whether it is known is for config.c, which sees the whole tree. After an error it goes
 * on at the next ";" or "}".
 */
%code requires {
#include "parser.h"
}

%code provides {
/* The grammar's source of tokens, in parser.c. */
int hb_config_yylex(HB_CONFIG_YYSTYPE *value, HB_CONFIG_YYLTYPE *location,
		    struct hb_parser *parser);
}

%code {
#include <string.h>

static void yyerror(const HB_CONFIG_YYLTYPE *location, struct hb_parser *parser,
		    const char *message);
}

%define api.pure full
%define api.prefix {hb_config_yy}
%define parse.error custom
%define parse.lac full
%locations
%param {struct hb_parser *parser}

%union {
	struct hb_ast_text *text;
}

%token END 0 "the end of the file"
%token <text> CONFIG "config" MODULE "module" TARGET "target" UPLINK "uplink"
%token <text> WORD "a word" VALUE "a value" STRING "a string in quotes"
%token LEFT "\"{\"" RIGHT "\"}\"" EQUALS "\"=\"" SEMICOLON "\";\""
%type <text> operands operand value

%%
file:
	%empty
|	file section
|	file error SEMICOLON { yyerrok; }
|	file error RIGHT { yyerrok; }
;

section:
	CONFIG left settings right { hb_parser_section(parser, HB_AST_CONFIG, $1, NULL); }
|	MODULE STRING left settings right { hb_parser_section(parser, HB_AST_MODULE, $1, $2); }
|	UPLINK STRING left settings right { hb_parser_section(parser, HB_AST_UPLINK, $1, $2); }
|	TARGET left statements right { hb_parser_section(parser, HB_AST_TARGET, $1, NULL); }
|	CONFIG wrong settings right { hb_parser_section(parser, HB_AST_CONFIG, $1, NULL); }
|	MODULE wrong settings right { hb_parser_section(parser, HB_AST_MODULE, $1, NULL); }
|	UPLINK wrong settings right { hb_parser_section(parser, HB_AST_UPLINK, $1, NULL); }
|	TARGET wrong statements right { hb_parser_section(parser, HB_AST_TARGET, $1, NULL); }
|	WORD left skipped RIGHT { hb_parser_unknown_section(parser, $1); }
|	WORD STRING left skipped RIGHT { hb_parser_unknown_section(parser, $1); }
;

left:
	LEFT { hb_parser_begin(parser); }
;

wrong:
	error LEFT { yyerrok; hb_parser_begin(parser); }
;

right:
	RIGHT
|	error RIGHT { yyerrok; }
;

settings:
	%empty
|	settings WORD EQUALS value SEMICOLON { hb_parser_statement(parser, $2, $4); }
|	settings error SEMICOLON { yyerrok; }
;

value:
	VALUE
|	STRING
;

statements:
	%empty
|	statements WORD operands SEMICOLON { hb_parser_statement(parser, $2, $3); }
|	statements error SEMICOLON { yyerrok; }
;

operands:
	%empty { $$ = NULL; }
|	operand operands { $1->next = $2; $$ = $1; }
;

operand:
	WORD
|	STRING
;

skipped:
	%empty
|	skipped WORD
|	skipped VALUE
|	skipped STRING
|	skipped EQUALS
|	skipped SEMICOLON
;
%%

/* Only for "memory exhausted": errors of syntax go through yyreport_syntax_error(). */
static void yyerror(const HB_CONFIG_YYLTYPE *location, struct hb_parser *parser,
		    const char *message)
{
	(void)location;
	(void)message;
	parser->out_of_memory = true;
}

/* "a word or }"; the kinds of section go by one name. */
static void name_expected(const yypcontext_t *context, char *text, size_t size, bool *want_end)
{
	yysymbol_kind_t kinds[16];
	int count = yypcontext_expected_tokens(context, kinds, 16);

	text[0] = '\0';
	*want_end = false;
	for (int i = 0; i < count; i++) {
		size_t used = strlen(text);

		if (kinds[i] == YYSYMBOL_SEMICOLON)
			*want_end = true;
		if (kinds[i] == YYSYMBOL_CONFIG) {
			snprintf(text, size, "a section: config, module, target or uplink");
			return;
		}
		snprintf(text + used, size - used, "%s%s", used ? " or " : "",
			 yysymbol_name(kinds[i]));
	}
}

static int yyreport_syntax_error(const yypcontext_t *context, struct hb_parser *parser)
{
	char wanted[128];
	bool want_end;

	name_expected(context, wanted, sizeof(wanted), &want_end);
	hb_parser_unexpected(parser, wanted, want_end);
	return 0;
}
