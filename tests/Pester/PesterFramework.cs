using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.Testing.Platform.Extensions.Messages;
using Microsoft.Testing.Platform.Extensions.TestFramework;
using Microsoft.Testing.Platform.Requests;

namespace StableDiffusion.Pester;

/// <summary>Runs the Pester files in a few PowerShell processes and reports each of their tests to the test platform.</summary>
internal sealed class PesterFramework : ITestFramework, IDataProducer
{
    private const string ResultPrefix = "pester:";

    /// <summary>Short files that run all commands of the help and of the other pages in docs.</summary>
    private static readonly string[] s_pageFiles = ["Help.Tests.ps1", "Gallery.Tests.ps1", "Tour.Tests.ps1"];

    /// <summary>How many processes share the files. Much of what a test does is to wait for a process of its own.</summary>
    private static readonly int s_shells = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <inheritdoc/>
    public string Uid => nameof(PesterFramework);

    /// <inheritdoc/>
    public string Version => "1.0.0";

    /// <inheritdoc/>
    public string DisplayName => "Pester";

    /// <inheritdoc/>
    public string Description => "Runs Pester files in PowerShell.";

    /// <inheritdoc/>
    public Type[] DataTypesProduced => [typeof(TestNodeUpdateMessage)];

    /// <inheritdoc/>
    public Task<bool> IsEnabledAsync() => Task.FromResult(true);

    /// <inheritdoc/>
    public Task<CreateTestSessionResult> CreateTestSessionAsync(CreateTestSessionContext context) =>
        Task.FromResult(new CreateTestSessionResult { IsSuccess = true });

    /// <inheritdoc/>
    public Task<CloseTestSessionResult> CloseTestSessionAsync(CloseTestSessionContext context) =>
        Task.FromResult(new CloseTestSessionResult { IsSuccess = true });

    /// <inheritdoc/>
    public async Task ExecuteRequestAsync(ExecuteRequestContext context)
    {
        bool lists = context.Request is DiscoverTestExecutionRequest;
        // What takes long first, as far as the size of a file tells: then the shells end at about the same time.
        string[] files = [.. new DirectoryInfo(Metadata("TestFolder")).GetFiles("*.Tests.ps1")
            .OrderBy(static file => !s_pageFiles.Contains(file.Name)).ThenByDescending(static file => file.Length).ThenBy(static file => file.Name, StringComparer.Ordinal)
            .Select(static file => file.FullName)];
        HashSet<string> unfinished = [.. files];
        Dictionary<string, int> uses = [];
        SemaphoreSlim turn = new(1);

        DirectoryInfo taken = Directory.CreateTempSubdirectory("pester-");
        List<Process> shells = [];
        try
        {
            for (int number = 1; number <= (lists ? 1 : s_shells); number++)
                shells.Add(Start(files, taken.FullName, number, lists));

            string[] ends = await Task.WhenAll(shells.Select(Follow));
            // A file that was not finished, be it that PowerShell crashed or that Pester did not load, must not pass for one without tests.
            foreach (string file in files.Where(unfinished.Contains))
            {
                string message = $"PowerShell ended before the file was finished. {string.Join('\n', ends)}";
                await Publish(new PesterResult(file, Path.GetFileName(file)), new FailedTestNodeStateProperty(message));
            }
        }
        finally
        {
            foreach (Process shell in shells)
            {
                if (!shell.HasExited)
                    shell.Kill(entireProcessTree: true);
                shell.Dispose();
            }

            taken.Delete(recursive: true);
            context.Complete();
        }

        // Publishes the results of a shell until it ends, and tells how it ended.
        async Task<string> Follow(Process shell)
        {
            Task<string> errors = shell.StandardError.ReadToEndAsync(context.CancellationToken);
            while (await shell.StandardOutput.ReadLineAsync(context.CancellationToken) is string line)
            {
                if (!line.StartsWith(ResultPrefix, StringComparison.Ordinal))
                    continue;

                PesterResult result = JsonSerializer.Deserialize<PesterResult>(line.AsSpan(ResultPrefix.Length))!;
                await turn.WaitAsync(context.CancellationToken);
                try
                {
                    if (result.Result == "Done")
                        unfinished.Remove(result.File);
                    else
                        await Publish(result, StateOf(result, lists));
                }
                finally
                {
                    turn.Release();
                }
            }

            await shell.WaitForExitAsync(context.CancellationToken);
            return $"Exit code {shell.ExitCode}. {await errors}".TrimEnd();
        }

        // Tests of the same name in one file, such as those of -ForEach, are told apart by their order.
        Task Publish(PesterResult result, TestNodeStateProperty state)
        {
            string id = $"{Path.GetFileName(result.File)}/{result.Name}";
            uses[id] = uses.GetValueOrDefault(id) + 1;
            TestNode node = new()
            {
                Uid = new TestNodeUid(uses[id] == 1 ? id : $"{id} #{uses[id]}"),
                DisplayName = result.Name,
                Properties = new PropertyBag(state, new TestFileLocationProperty(result.File, new LinePositionSpan(new(result.Line, 0), new(result.Line, 0)))),
            };
            if (result.Start is DateTime start)
                node.Properties.Add(new TimingProperty(new TimingInfo(start, start.AddSeconds(result.Seconds), TimeSpan.FromSeconds(result.Seconds))));
            return context.MessageBus.PublishAsync(this, new TestNodeUpdateMessage(context.Request.Session.SessionUid, node));
        }
    }

    private static TestNodeStateProperty StateOf(PesterResult result, bool lists) => result.Result switch
    {
        _ when lists && result.Result != "Failed" => DiscoveredTestNodeStateProperty.CachedInstance,
        "Passed" => PassedTestNodeStateProperty.CachedInstance,
        "Skipped" => new SkippedTestNodeStateProperty(result.Message),
        _ => new FailedTestNodeStateProperty($"{result.Result}: {result.Message}"),
    };

    private static Process Start(IEnumerable<string> files, string taken, int number, bool lists)
    {
        string quoted = string.Join(',', files.Select(Quote));
        string script = $"& {Quote(Path.Combine(Metadata("TestFolder"), "Invoke-Suite.ps1"))} -Pester {Quote(Metadata("PesterManifest"))} -Path {quoted} -Taken {Quote(taken)}{(lists ? " -List" : string.Empty)}";
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [Metadata("PowerShellPath"), "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NO_COLOR"] = "1";
        // Nothing runs long enough here for code to be compiled by what it did before.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["PESTER_SHELL"] = number.ToString(CultureInfo.InvariantCulture);
        Process shell = Process.Start(start)!;
        shell.StandardInput.Close();
        return shell;
    }

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Metadata(string key) => typeof(PesterFramework).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;

    /// <summary>A line of Invoke-Suite.ps1.</summary>
    private sealed record PesterResult(
        string File, string Name, string Result = "", int Line = 0, DateTime? Start = null, double Seconds = 0, string Message = "");
}
