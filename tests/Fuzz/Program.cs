using System.Globalization;

namespace StableDiffusion.Fuzz;

internal static class Program
{
    private const int BadCommandLine = 64;

    private const string Usage = """
        Gives damaged and hostile files and texts to the readers of the engine.

          --minutes M        how long each target is run (1)
          --target A,B       some of the targets (all)
          --seed N           the seed of the cases (1)
          --jobs N           how many targets are run at once (one for each core)
          --write            puts the table into docs/faults.md
          --case FILE        runs the case in a file, whose folder is named after its target
          --list             lists the targets
        """;

    private static int Main(string[] arguments)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        switch (arguments)
        {
            case ["--list"]:
                Console.WriteLine(string.Join(Environment.NewLine, FuzzTargets.Names));
                return 0;
            case ["--case", string file]:
                return RunCase(file);
            case [Worker.Option, string name, string seed, string seconds, string state]:
                Worker.Run(name, seed, seconds, state);
                return 0;
        }

        FuzzOptions options;
        try
        {
            options = FuzzOptions.Parse(arguments);
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            Console.Error.WriteLine(error.Message);
            Console.Error.WriteLine(Usage);
            return BadCommandLine;
        }

        return RunAll(options);
    }

    private static int RunCase(string file)
    {
        CaseResult result = CaseRunner.Run(FuzzTargets.Find(CaseFiles.TargetOf(file)), File.ReadAllBytes(file));
        Console.WriteLine($"{result.Kind}: {result.Detail}");
        return result.IsFault ? 1 : 0;
    }

    private static int RunAll(FuzzOptions options)
    {
        IReadOnlyList<TargetReport> reports = new LongRun(options).Run();
        string table = FaultTable.Make(options, reports);
        Console.Write(table);
        foreach (TargetReport report in reports)
        {
            foreach ((string site, string path) in report.Sites)
                Console.WriteLine($"\n{report.Target}: {site}\n  {path}");
        }

        if (options.Write)
            FaultTable.Write(table);
        return reports.All(static report => report.Faults.Count == 0) ? 0 : 1;
    }
}
