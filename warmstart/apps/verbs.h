// Every verb of the command line: one file each, one line here, one line in main.cpp's list.
#pragma once

namespace CLI {
class App;
}

namespace warmstart {

// Each adds its subcommand to `app`; the callback throws Error, or ExitCode to end with a code that is no error.
void add_train(CLI::App& app);
void add_pretrain(CLI::App& app);
void add_finetune(CLI::App& app);
void add_import(CLI::App& app);
void add_eval(CLI::App& app);
void add_advise(CLI::App& app);
void add_export(CLI::App& app);
void add_collect(CLI::App& app);
void add_data(CLI::App& app);
void add_data_verify(CLI::App& data);
void add_data_conversions(CLI::App& data);  // convert and pack, under `data`
void add_list(CLI::App& app);
void add_replay(CLI::App& app);
void add_render(CLI::App& app);
void add_report(CLI::App& app);
void add_study(CLI::App& app);
void add_doctor(CLI::App& app);
void add_bench(CLI::App& app);
void add_explain(CLI::App& app);
void add_reference(CLI::App& app);

}  // namespace warmstart
