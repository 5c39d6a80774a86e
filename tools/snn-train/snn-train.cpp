//===- snn-train.cpp - Trains a spiking network on data files -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of the runtime's training loop.
//
//===----------------------------------------------------------------------===//

#include "OpenProgram.h"
#include "rheobase/Runtime/Npy.h"
#include "rheobase/Runtime/Trainer.h"
#include "rheobase/Support/CommandLine.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace llvm;
using rheobase::rt::Status;
using rheobase::rt::Trainer;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static cl::OptionCategory dataCategory(
    "Data",
    "Each pair of files holds samples and one integer label per sample: IDX "
    "(the format of\nMNIST, plain or gzip) or NPY. Bytes are scaled to [0, 1] "
    "where the network takes floats;\nsamples are reshaped to the network's "
    "input where only the shape differs.");
static cl::OptionCategory trainingCategory(
    "Training", "What is not given, the network's source says, or the default "
                "in brackets.");
static cl::OptionCategory
    scheduleCategory("Learning rate",
                     "The rate is a function of the samples seen so far.");
static cl::OptionCategory checkpointCategory(
    "Checkpoints",
    "safetensors files with parameters, optimizer state, statistics and the "
    "place in the run.\nA file is replaced only by a complete one. The same "
    "command with --resume continues bit\nfor bit, also from the middle of an "
    "epoch.");
static cl::OptionCategory outputCategory("Output", "");

namespace {
/// Made in main, after the options of LLVM's libraries are gone: some have the
/// same names.
struct Options {
  cl::opt<std::string> model{
      cl::Positional, cl::Required, cl::value_desc("model"),
      cl::cat(dataCategory),
      cl::desc("<model: .mlir, or .so of snn-compile --emit=so>")};

  // Data
  cl::opt<std::string> dataset{
      "dataset", cl::cat(dataCategory), cl::value_desc("name"),
      cl::desc("A known data set: fashion-mnist (Debian's package\n"
               "dataset-fashion-mnist, or the folder of --data-dir)")};
  cl::opt<std::string> dataDir{
      "data-dir", cl::cat(dataCategory), cl::value_desc("folder"),
      cl::desc("Folder with the four files of an MNIST-like data set:\n"
               "{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz], or\n"
               "{train,test}-{images,labels}.npy")};
  cl::opt<std::string> dataImages{"data-images", cl::cat(dataCategory),
                                  cl::value_desc("file"),
                                  cl::desc("Training samples")};
  cl::opt<std::string> dataLabels{"data-labels", cl::cat(dataCategory),
                                  cl::value_desc("file"),
                                  cl::desc("Training labels")};
  cl::opt<std::string> testImages{
      "test-images", cl::cat(dataCategory), cl::value_desc("file"),
      cl::desc("Test samples; without them nothing is evaluated")};
  cl::opt<std::string> testLabels{"test-labels", cl::cat(dataCategory),
                                  cl::value_desc("file"),
                                  cl::desc("Test labels")};
  cl::opt<long long> classes{
      "classes", cl::cat(dataCategory), cl::value_desc("n"), cl::init(0),
      cl::desc("Labels must be below n [the width of the output]")};
  cl::opt<long long> limitTrain{
      "limit-train", cl::cat(dataCategory), cl::value_desc("n"), cl::init(0),
      cl::desc("Use the first n training samples only")};

  // Training
  cl::opt<long long> epochs{"epochs", cl::cat(trainingCategory),
                            cl::value_desc("n"), cl::init(10),
                            cl::desc("Times through the data [10]")};
  cl::opt<long long> batch{
      "batch", cl::cat(trainingCategory), cl::value_desc("n"), cl::init(128),
      cl::desc("Samples per step [128]; the last step of an epoch has what "
               "is left")};
  cl::opt<long long> timeSteps{
      "time-steps", cl::cat(trainingCategory), cl::value_desc("n"), cl::init(0),
      cl::desc("Time steps T [the data's, or the source's]")};
  cl::opt<unsigned long long> seed{
      "seed", cl::cat(trainingCategory), cl::value_desc("n"), cl::init(0),
      cl::desc("Of initial values, order of samples, dropout, encoding [0].\n"
               "The same seed gives the same bits, with any --threads")};
  cl::opt<long long> threads{"threads", cl::cat(trainingCategory),
                             cl::value_desc("n"), cl::init(0),
                             cl::desc("Threads [OpenMP's choice]")};
  cl::opt<std::string> memoryLimit{
      "memory-limit", cl::cat(trainingCategory), cl::value_desc("bytes"),
      cl::desc(
          "Of an .mlir network: bytes (or 512M, 1.5G) that a step may need;\n"
          "more is computed again in the backward pass until it fits")};
  cl::opt<bool> exact{
      "exact", cl::cat(trainingCategory),
      cl::desc(
          "Of an .mlir network: only rewrites whose results are equal bit\n"
          "for bit, but for gradients of parameters")};
  cl::opt<std::string> cache{
      "cache", cl::cat(trainingCategory), cl::value_desc("folder"),
      cl::desc(
          "Folder that keeps machine code for the next time, or off\n"
          "[$RHEOBASE_CACHE, or rheobase in $XDG_CACHE_HOME or ~/.cache]")};
  cl::opt<rheobase::ProductKernel, false,
          rheobase::NamedValueParser<rheobase::ProductKernel>>
      kernel{"force-kernel", cl::cat(trainingCategory),
             cl::init(rheobase::ProductKernel::Automatic),
             cl::desc("How products with spikes are computed:"),
             rheobase::getProductKernelValues()};
  cl::opt<long long> limitSteps{"limit-steps", cl::cat(trainingCategory),
                                cl::value_desc("n"), cl::init(0),
                                cl::desc("Stop after n optimizer steps")};
  cl::opt<long long> evaluateEvery{
      "evaluate-every", cl::cat(trainingCategory), cl::value_desc("n"),
      cl::init(1), cl::desc("Evaluate after every n epochs and the last [1]")};

  // Learning rate
  cl::opt<double> learningRate{
      "lr", cl::cat(scheduleCategory), cl::value_desc("rate"), cl::init(0.0),
      cl::desc("Learning rate, after the warm-up [the source's]")};
  cl::opt<rb_schedule, false, rheobase::NamedValueParser<rb_schedule>> schedule{
      "schedule", cl::cat(scheduleCategory), cl::init(RB_SCHEDULE_CONSTANT),
      cl::desc("How it changes:"),
      cl::values(clEnumValN(RB_SCHEDULE_CONSTANT, "constant", "not (default)"),
                 clEnumValN(RB_SCHEDULE_STEP, "step",
                            "times --decay-factor every --decay-epochs"),
                 clEnumValN(RB_SCHEDULE_COSINE, "cosine",
                            "half a cosine from --lr to --final-lr"))};
  cl::opt<double> warmup{
      "warmup", cl::cat(scheduleCategory), cl::value_desc("epochs"),
      cl::init(0.0), cl::desc("Rise linearly at first; may be a fraction [0]")};
  cl::opt<long long> decayEpochs{
      "decay-epochs", cl::cat(scheduleCategory), cl::value_desc("n"),
      cl::init(10), cl::desc("Epochs between decays of --schedule=step [10]")};
  cl::opt<double> decayFactor{
      "decay-factor", cl::cat(scheduleCategory), cl::value_desc("x"),
      cl::init(0.1), cl::desc("Factor of each decay of --schedule=step [0.1]")};
  cl::opt<double> finalRate{"final-lr", cl::cat(scheduleCategory),
                            cl::value_desc("rate"), cl::init(0.0),
                            cl::desc("Where --schedule=cosine ends [0]")};

  // Checkpoints
  cl::opt<std::string> checkpoint{
      "checkpoint", cl::cat(checkpointCategory), cl::value_desc("file"),
      cl::desc("Write checkpoints to this file [that of --resume]")};
  cl::opt<long long> checkpointEpochs{
      "checkpoint-epochs", cl::cat(checkpointCategory), cl::value_desc("n"),
      cl::init(1), cl::desc("After every n epochs and the last [1]")};
  cl::opt<long long> checkpointSteps{
      "checkpoint-steps", cl::cat(checkpointCategory), cl::value_desc("n"),
      cl::init(0), cl::desc("And after every n steps [0: not]")};
  cl::opt<std::string> resume{"resume", cl::cat(checkpointCategory),
                              cl::value_desc("file"),
                              cl::desc("Go on from this checkpoint")};
  cl::opt<bool> evaluate{
      "evaluate", cl::cat(checkpointCategory),
      cl::desc("Do not train: evaluate the checkpoint of --resume")};

  // Output
  cl::opt<rb_progress, false, rheobase::NamedValueParser<rb_progress>> progress{
      "progress", cl::cat(outputCategory), cl::init(RB_PROGRESS_AUTO),
      cl::desc("The progress bar, on stderr:"),
      cl::values(
          clEnumValN(RB_PROGRESS_AUTO, "auto",
                     "on a terminal; elsewhere a line an epoch (default)"),
          clEnumValN(RB_PROGRESS_ON, "on", "everywhere"),
          clEnumValN(RB_PROGRESS_OFF, "off", "nothing"))};
  cl::list<std::string> logs{
      "log", cl::cat(outputCategory), cl::value_desc("file"),
      cl::desc("Log of losses and accuracies: .csv, or JSON lines if the\n"
               "name ends in .jsonl; may be given once for each")};
  cl::opt<long long> logSteps{"log-steps", cl::cat(outputCategory),
                              cl::value_desc("n"), cl::init(0),
                              cl::desc("Log every n steps, too [0: not]")};
  cl::opt<std::string> failedStep{
      "failed-step", cl::cat(outputCategory), cl::value_desc("folder"),
      cl::desc("If the loss becomes infinite or NaN, write each argument of\n"
               "the step that did it to this folder as .npy")};
};
} // namespace

static const char overview[] = R"(Trains a spiking network on data files.

The model is compiled, or loaded if it is a shared object, and its `train_step` is called for batch after batch of
shuffled data; after each epoch its `evaluate` is called for the test data. The last line of stdout is the test accuracy.

Ctrl-C writes a checkpoint and leaves with status 130; a second one leaves at once. A loss that is infinite or not a
number ends the training, and the last good checkpoint stays; of an .mlir network the step is run again in the
interpreter, which names the operation and the time step.
)";

static const char examples[] = R"(
EXAMPLES:
  snn-train examples/fashion_mlp.mlir --dataset=fashion-mnist --epochs=8 --checkpoint=mlp.safetensors
      Train on 60,000 images, evaluate on 10,000, keep the result.
  snn-train examples/fashion_mlp.mlir --dataset=fashion-mnist --epochs=12 --resume=mlp.safetensors
      Four epochs more.
  snn-train examples/fashion_mlp.mlir --dataset=fashion-mnist --resume=mlp.safetensors --evaluate
      Its test accuracy.
  snn-train model.so --data-images=x.npy --data-labels=y.npy --schedule=cosine --warmup=0.5 --lr=2e-3 --log=run.csv
      Arrays of your own, another schedule, a log.

EXIT STATUS:
  0 if all went well, 1 after an error, 130 after Ctrl-C.

docs/Training.md says more.
)";

//===----------------------------------------------------------------------===//
// Data files
//===----------------------------------------------------------------------===//

static Status invalid(const Twine &message) {
  return Status(RB_INVALID_ARGUMENT, message.str());
}

/// The first of the candidates that exists in `folder`, or empty.
static std::string findFile(StringRef folder, ArrayRef<StringRef> candidates) {
  for (StringRef name : candidates) {
    SmallString<256> path(folder);
    sys::path::append(path, name);
    if (sys::fs::exists(path))
      return std::string(path);
  }
  return std::string();
}

/// Fills in the files that --dataset and --data-dir stand for.
static Status locateData(Options &options) {
  std::string folder = options.dataDir;
  const std::string &dataset = options.dataset;
  if (!dataset.empty() && dataset != "fashion-mnist")
    return invalid("--dataset: expected fashion-mnist, got '" + dataset + "'");
  if (!dataset.empty() && folder.empty()) {
    folder = "/usr/share/datasets/fashion-mnist";
    if (!sys::fs::exists(folder))
      return Status(RB_NOT_FOUND,
                    "data set fashion-mnist is not in '" + folder +
                        "': install Debian's package dataset-fashion-mnist, or "
                        "give its folder by --data-dir");
  }
  if (folder.empty())
    return Status();
  struct {
    cl::opt<std::string> &option;
    bool required;
    StringRef names[3];
  } files[] = {{options.dataImages,
                !options.evaluate,
                {"train-images-idx3-ubyte.gz", "train-images-idx3-ubyte",
                 "train-images.npy"}},
               {options.dataLabels,
                !options.evaluate,
                {"train-labels-idx1-ubyte.gz", "train-labels-idx1-ubyte",
                 "train-labels.npy"}},
               {options.testImages,
                options.evaluate,
                {"t10k-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte",
                 "test-images.npy"}},
               {options.testLabels,
                options.evaluate,
                {"t10k-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte",
                 "test-labels.npy"}}};
  for (auto &file : files) {
    if (!file.option.empty())
      continue;
    file.option = findFile(folder, file.names);
    if (file.option.empty() && file.required)
      return Status(RB_NOT_FOUND, formatv("'{0}' has none of {1}", folder,
                                          join(ArrayRef(file.names), ", ")));
  }
  return Status();
}

static Status checkCommandLine(const Options &options) {
  if (options.evaluate && options.resume.empty())
    return invalid("--evaluate needs the checkpoint to evaluate: "
                   "--resume=<file>");
  if (options.evaluate && options.testImages.empty())
    return invalid("--evaluate needs test data: --test-images and "
                   "--test-labels, or --dataset");
  if (!options.evaluate && options.dataImages.empty())
    return invalid("training data are missing: give --dataset, --data-dir, or "
                   "--data-images and --data-labels");
  if (options.dataImages.empty() != options.dataLabels.empty())
    return invalid("--data-images and --data-labels belong together");
  if (options.testImages.empty() != options.testLabels.empty())
    return invalid("--test-images and --test-labels belong together");
  return Status();
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

/// Writes the arguments of a step that failed to a folder.
static void writeFailedStep(StringRef folder,
                            const rb_numeric_failure *failure) {
  if (std::error_code code = sys::fs::create_directories(folder)) {
    errs() << "warning: cannot create '" << folder << "': " << code.message()
           << "\n";
    return;
  }
  for (int64_t i = 0; i < failure->argument_count; ++i) {
    rb_value_info info;
    if (rb_entry_argument(failure->program, failure->entry, i, &info) != RB_OK)
      continue;
    SmallString<256> path(folder);
    sys::path::append(path, Twine(info.name) + ".npy");
    Status status =
        rheobase::rt::writeNpy(std::string(path), failure->arguments[i]);
    if (!status.ok()) {
      errs() << "warning: " << status.message() << "\n";
      return;
    }
  }
  errs() << "note: the arguments of epoch " << failure->epoch << ", step "
         << failure->step << " are in '" << folder << "'\n";
}

namespace {
/// Who looks at a step that failed.
struct Examiner {
  const rheobase::OpenedProgram &program;
  StringRef folder;
};
} // namespace

static void examineFailedStep(void *user, const rb_numeric_failure *failure) {
  auto *examiner = static_cast<const Examiner *>(user);
  if (!examiner->folder.empty())
    writeFailedStep(examiner->folder, failure);
  std::string explanation = examiner->program.explain(*failure);
  errs() << "note: " << explanation << "\n";
}

/// The runtime's options from those of the command line, which must stay alive.
static Status convertOptions(Options &from, rb_train_options &to) {
  auto file = [](const std::string &path) {
    return path.empty() ? nullptr : path.c_str();
  };
  to.epochs = from.epochs;
  to.batch = from.batch;
  to.learning_rate = from.learningRate;
  to.schedule = from.schedule;
  to.warmup_epochs = from.warmup;
  to.decay_epochs = from.decayEpochs;
  to.decay_factor = from.decayFactor;
  to.final_learning_rate = from.finalRate;
  to.seed = from.seed;
  to.time_steps = from.timeSteps;
  to.threads = from.threads;
  to.limit_samples = from.limitTrain;
  to.limit_steps = from.limitSteps;
  to.classes = from.classes;
  to.evaluate_every = from.evaluateEvery;
  to.checkpoint = file(from.checkpoint.empty() ? from.resume : from.checkpoint);
  to.checkpoint_epochs = from.checkpointEpochs;
  to.checkpoint_steps = from.checkpointSteps;
  to.resume = file(from.resume);
  to.log_steps = from.logSteps;
  to.progress = from.progress;
  for (const std::string &log : from.logs) {
    bool lines = StringRef(log).ends_with(".jsonl");
    const char *&slot = lines ? to.log_jsonl : to.log_csv;
    if (slot)
      return invalid("--log: expected one file of " +
                     Twine(lines ? "JSON lines" : "CSV") + ", got '" + slot +
                     "' and '" + log + "'");
    slot = log.c_str();
  }
  return Status();
}

static Status run(Options &options) {
  if (Status status = locateData(options); !status.ok())
    return status;
  if (Status status = checkCommandLine(options); !status.ok())
    return status;
  rheobase::OpenedProgram program;
  Examiner examiner{program, options.failedStep};
  Trainer trainer;
  trainer.options.on_numeric = examineFailedStep;
  trainer.options.user = &examiner;
  if (Status status = convertOptions(options, trainer.options); !status.ok())
    return status;
  program.exact = options.exact;
  program.kernel = options.kernel;
  program.memoryLimit = options.memoryLimit;
  program.samples = options.batch;
  program.timeSteps = options.timeSteps;
  if (Status status = program.open(options.model, options.cache, trainer);
      !status.ok())
    return status;
  if (!options.testImages.empty())
    trainer.loadTestData(options.testImages, options.testLabels);
  if (options.evaluate) {
    trainer.loadState(options.resume);
    trainer.evaluate();
  } else {
    trainer.loadTrainingData(options.dataImages, options.dataLabels);
    trainer.train();
  }
  if (trainer.status().ok() && !std::isnan(trainer.result.test_accuracy))
    outs() << formatv("test accuracy: {0:f2} %\n",
                      100.0 * trainer.result.test_accuracy);
  return trainer.status();
}

/// The libraries of LLVM register options of their own, among them `threads`.
static void dropForeignOptions() {
  SmallVector<cl::Option *> foreign;
  for (auto &entry : cl::getRegisteredOptions())
    if (!StringSwitch<bool>(entry.first)
             .Cases({"help", "help-hidden", "version"}, true)
             .Default(false))
      foreign.push_back(entry.second);
  for (cl::Option *option : foreign)
    option->removeArgument();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  rheobase::reportFileSizeLimit();
  rheobase::limitSpinning();
  dropForeignOptions();
  Options options;
  cl::extrahelp moreHelp(examples);
  cl::SetVersionPrinter(
      [](raw_ostream &os) { os << "Rheobase " RHEOBASE_VERSION "\n"; });
  cl::ParseCommandLineOptions(argc, argv, overview);
  Status status = run(options);
  bool printed = rheobase::finishStandardOutput("snn-train");
  if (status.ok())
    return printed ? 0 : 1;
  errs() << "snn-train: " << (status.code() == RB_INTERRUPTED ? "" : "error: ")
         << status.message() << "\n";
  return status.code() == RB_INTERRUPTED ? 130 : 1;
}
