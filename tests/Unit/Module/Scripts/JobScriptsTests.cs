using System.Collections;
using System.Diagnostics;
using System.Management.Automation.Language;
using System.Text;
using SdPowerShell.Scripts.Jobs;
using StableDiffusion.Batches.Jobs;

namespace StableDiffusion.Tests.Module.Scripts;

/// <summary>Whatever names and settings contain, they stay texts in the scripts of jobs.</summary>
public sealed class JobScriptsTests
{
    private const string Odd = "it's \"a\" ‘b’ $(c) `d` \\e\\\nf\t#g;&|<>*?~{}!\u00a0é漢😀 %a";

    [Fact]
    public void Bash_reads_a_word_back()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "There is no bash.");
        Random random = new(7);
        string[] words = [Odd, string.Empty, "-n", "'", "\\", .. Enumerable.Range(0, 200).Select(_ => Draw(random, "'\"\\ $`\n\t#;&|<>*?~()[]{}!=a0é漢😀-"))];
        ProcessStartInfo start = new("/bin/bash", ["--norc", "-s"]) { RedirectStandardInput = true, RedirectStandardOutput = true, StandardInputEncoding = new UTF8Encoding(false), StandardOutputEncoding = Encoding.UTF8 };
        using Process bash = Process.Start(start)!;
        bash.StandardInput.Write($"printf '%s\\0' {string.Join(' ', words.Select(ShellText.Bash))}\n");
        bash.StandardInput.Close();
        Assert.Equal(words, bash.StandardOutput.ReadToEnd().Split('\0')[..^1]);
    }

    [Fact]
    public void Sbatch_reads_a_word_back()
    {
        Random random = new(8);
        foreach (string word in (string[])[Odd.Replace("\n", " ", StringComparison.Ordinal).Replace('\t', ' '), "'", "\\", "\\'", "#", .. Enumerable.Range(0, 500).Select(_ => Draw(random, "'\"\\ #%$`;&|a0é漢😀-="))])
            Assert.Equal([word], ReadAsSbatch(ShellText.Sbatch(word)));
    }

    [Fact]
    public void The_script_of_a_worker_has_the_values_as_they_are()
    {
        JobScripts scripts = Scripts(new Hashtable { ["NegativePrompt"] = Odd, ["Steps"] = 20, ["Strict"] = true, ["Lora"] = new object[] { "a:1", "it's" }, ["SchedulerOption"] = new Hashtable { ["eta"] = 0.5 } });
        ScriptBlockAst script = Parser.ParseInput(scripts.Work(), out _, out ParseError[] errors);
        Assert.Empty(errors);
        Hashtable parameters = (Hashtable)script.Find(static part => part is HashtableAst { KeyValuePairs: [var pair, ..] } && pair.Item1.Extent.Text.StartsWith('\''), searchNestedScriptBlocks: true).SafeGetValue();
        Assert.Equal(Odd, parameters["NegativePrompt"]);
        Assert.Equal(20, parameters["Steps"]);
        Assert.Equal(true, parameters["Strict"]);
        Assert.Equal(new object[] { "a:1", "it's" }, parameters["Lora"]);
        Assert.Equal(0.5, ((Hashtable)parameters["SchedulerOption"]!)["eta"]);

        // No more commands than without any odd name.
        Assert.Equal(Commands(Scripts([]).Work()), Commands(scripts.Work()));
        string[] texts = [.. script.FindAll(static part => part is StringConstantExpressionAst, searchNestedScriptBlocks: true).Cast<StringConstantExpressionAst>().Select(static text => text.Value)];
        Assert.Contains("/home/" + Odd, texts);
        Assert.Contains("/out/" + Odd, texts);
        Assert.Contains("{prompt}-" + Odd, texts);
    }

    [Fact]
    public void The_script_that_starts_workers_can_be_parsed()
    {
        Parser.ParseInput(Scripts([]).Supervise(["/usr/bin/" + Odd, "pwsh.dll"], 3), out _, out ParseError[] errors);
        Assert.Empty(errors);
        Parser.ParseInput(Scripts([]).Supervise(["pwsh"], 3), out _, out errors);
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\r#SBATCH --wrap=x")]
    [InlineData("a\u2028b")]
    [InlineData(" ")]
    public void An_option_of_Slurm_is_one_line(string value)
    {
        Assert.Equal("Partition", Assert.Throws<InvalidSettingException>(() => new SlurmOptions { Partition = value }.Lines("a", 1).Count()).Setting);
        Assert.Equal("SbatchArgument", Assert.Throws<InvalidSettingException>(() => new SlurmOptions { Others = ["--x", value] }.Lines("a", 1).Count()).Setting);
    }

    [Fact]
    public void The_job_script_says_what_is_asked_for()
    {
        SlurmOptions options = new() { Partition = "gpu", Time = "120", Memory = "16G", Gpus = "a100:1", CpusPerTask = 4, Account = "it's", Qos = "low", Others = ["-C", "a100&fast", "--mail-type=END"] };
        string script = Scripts([]).Batch(options, ["/usr/bin/pwsh"], 32);
        string[] lines = [.. script.Split('\n').Where(static line => line.StartsWith("#SBATCH", StringComparison.Ordinal))];
        Assert.Equal(
            ["#SBATCH --job-name=night", "#SBATCH --array=1-32", "#SBATCH --requeue --open-mode=append --output=logs/%a.log", "#SBATCH --signal=B:USR1@120", "#SBATCH --partition=gpu", "#SBATCH --time=0-02:00:00", "#SBATCH --mem=16G", "#SBATCH --gpus=a100:1", "#SBATCH --cpus-per-task=4", "#SBATCH --account='it\\'s'", "#SBATCH --qos=low", "#SBATCH -C 'a100&fast' --mail-type=END"],
            lines);
        Assert.DoesNotContain('\r', script);
        Assert.StartsWith("#!/bin/bash\n", script, StringComparison.Ordinal);
    }

    /// <summary>The job script passes a signal on and ends with the code of the worker; it is put into the queue again only if its time was over.</summary>
    [Theory]
    [InlineData("USR1", "exit 75", 75, true)]
    [InlineData("USR1", "exit 0", 0, false)]
    [InlineData("TERM", "exit 75", 75, false)]
    [InlineData(null, "", 3, false)]
    public async Task The_job_script_passes_signals_on(string? signal, string answer, int code, bool isRequeued)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "It is for Slurm, which runs on Linux.");
        using TemporaryFolder folder = new();
        JobFolder job = JobFolder.Of(folder.Path, "it's");
        job.Create([]);
        string tools = Directory.CreateDirectory(folder["tools"]).FullName;
        Write(Path.Combine(tools, "worker"), signal is null ? $"exit {code}" : $"trap '{answer}' USR1; echo \"$@\" > written; mv written arguments; while :; do sleep 0.05; done");
        Write(Path.Combine(tools, "scontrol"), "echo \"$@\" >> requeued");
        string script = Path.Combine(job.Path, "job.sh");
        await File.WriteAllTextAsync(script, new JobScripts { Folder = job, Module = "m", Version = new Version(1, 0), Location = "/", Table = "table.csv", Parameters = new Hashtable() }.Batch(new SlurmOptions(), [Path.Combine(tools, "worker")], 1), TestContext.Current.CancellationToken);

        ProcessStartInfo start = new("/bin/bash", [script]) { WorkingDirectory = folder.Path };
        start.Environment["PATH"] = $"{tools}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["SLURM_ARRAY_TASK_ID"] = "7";
        start.Environment["SLURM_JOB_ID"] = "99";
        using Process bash = Process.Start(start)!;
        try
        {
            if (signal is not null)
            {
                while (!File.Exists(Path.Combine(job.Path, "arguments")))
                    await Task.Delay(20, TestContext.Current.CancellationToken);
                Assert.Equal("-NoProfile -NonInteractive -File run.ps1 7", (await File.ReadAllTextAsync(Path.Combine(job.Path, "arguments"), TestContext.Current.CancellationToken)).Trim());
                using Process kill = Process.Start("/bin/bash", ["-c", $"kill -{signal} {bash.Id}"]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            bash.Kill(entireProcessTree: true);
        }

        Assert.Equal(code, bash.ExitCode);
        Assert.Equal(isRequeued, File.Exists(Path.Combine(job.Path, "requeued")));
        if (isRequeued)
            Assert.Equal("requeue 99", (await File.ReadAllTextAsync(Path.Combine(job.Path, "requeued"), TestContext.Current.CancellationToken)).Trim());

        static void Write(string path, string commands)
        {
            File.WriteAllText(path, $"#!/bin/bash\n{commands}\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static JobScripts Scripts(Hashtable parameters)
    {
        bool isOdd = parameters.Count > 0;
        return new JobScripts
        {
            Folder = JobFolder.Of("/out/" + (isOdd ? Odd : "a"), "night"), Module = "/modules/" + (isOdd ? Odd : "a"), Version = new Version(1, 2, 3), Location = "/home/" + (isOdd ? Odd : "a"), Table = "table.csv",
            FileName = "{prompt}-" + (isOdd ? Odd : "a"), Parameters = parameters,
        };
    }

    private static IEnumerable<string?> Commands(string script) =>
        Parser.ParseInput(script, out _, out _).FindAll(static part => part is CommandAst, searchNestedScriptBlocks: true).Cast<CommandAst>().Select(static command => command.GetCommandName());

    private static string Draw(Random random, string letters)
    {
        string[] all = [.. letters.EnumerateRunes().Select(static rune => rune.ToString())];
        return string.Concat(Enumerable.Range(0, random.Next(1, 20)).Select(_ => all[random.Next(all.Length)]));
    }

    /// <summary>
    /// The words of a line, as sbatch of Slurm 22.05 was seen to read them: blanks end a word, quotes keep all until the same quote,
    /// a backslash keeps the next character but a blank outside of quotes, and # outside of quotes begins a comment.
    /// </summary>
    private static List<string> ReadAsSbatch(string line)
    {
        List<string> words = [];
        StringBuilder word = new();
        char quote = '\0';
        for (int index = 0; index < line.Length; index++)
        {
            char character = line[index];
            if (character == '\\')
                word.Append(line[++index]);
            else if (quote != '\0' && character == quote)
                quote = '\0';
            else if (quote == '\0' && character is ('\'' or '"'))
                quote = character;
            else if (quote == '\0' && character == '#')
                break;
            else if (quote == '\0' && character == ' ')
                (words, word) = ([.. words, word.ToString()], new StringBuilder());
            else
                word.Append(character);
        }

        words.Add(word.ToString());
        return words;
    }
}
