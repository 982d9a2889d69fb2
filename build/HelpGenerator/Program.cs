using System.Runtime.Loader;

namespace HelpGenerator;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is not [string cmdlets, string engine, string pages, string output])
        {
            Console.Error.WriteLine("Usage: HelpGenerator <cmdlets.dll> <engine.dll> <folder of pages> <output folder>");
            return 2;
        }

        Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
        string engineFolder = Path.GetDirectoryName(Path.GetFullPath(engine))!;
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            Path.Combine(engineFolder, name.Name + ".dll") is string path && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;

        Problems problems = new();
        HelpFiles.Write(Path.GetFullPath(cmdlets), pages, output, problems);
        return problems.Report(Console.Error) ? 1 : 0;
    }
}
