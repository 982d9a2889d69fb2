using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Microsoft.Testing.Platform.Extensions.Messages;
using Microsoft.Testing.Platform.Extensions.TestFramework;
using Microsoft.Testing.Platform.Requests;

namespace StableDiffusion.Pester;

/// <summary>Runs the Pester files in one PowerShell process and reports each of their tests to the test platform.</summary>
internal sealed class PesterFramework : ITestFramework, IDataProducer
{
    private const string ResultPrefix = "pester:";

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
        string[] files = [.. Directory.GetFiles(Metadata("TestFolder"), "*.Tests.ps1").Order(StringComparer.Ordinal)];
        HashSet<string> unfinished = [.. files];
        Dictionary<string, int> uses = [];

        using Process shell = Start(files, lists);
        try
        {
            Task<string> errors = shell.StandardError.ReadToEndAsync(context.CancellationToken);
            while (await shell.StandardOutput.ReadLineAsync(context.CancellationToken) is string line)
            {
                if (!line.StartsWith(ResultPrefix, StringComparison.Ordinal))
                    continue;

                PesterResult result = JsonSerializer.Deserialize<PesterResult>(line.AsSpan(ResultPrefix.Length))!;
                if (result.Result == "Done")
                    unfinished.Remove(result.File);
                else
                    await Publish(result, StateOf(result, lists));
            }

            await shell.WaitForExitAsync(context.CancellationToken);
            // A file that was not finished, be it that PowerShell crashed or that Pester did not load, must not pass for one without tests.
            foreach (string file in files.Where(unfinished.Contains))
            {
                string message = $"PowerShell ended with exit code {shell.ExitCode} before the file was finished. {await errors}";
                await Publish(new PesterResult(file, Path.GetFileName(file)), new FailedTestNodeStateProperty(message));
            }
        }
        finally
        {
            if (!shell.HasExited)
                shell.Kill(entireProcessTree: true);
            context.Complete();
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

    private static Process Start(IEnumerable<string> files, bool lists)
    {
        string quoted = string.Join(',', files.Select(Quote));
        string script = $"& {Quote(Path.Combine(Metadata("TestFolder"), "Invoke-Suite.ps1"))} -Pester {Quote(Metadata("PesterManifest"))} -Path {quoted}{(lists ? " -List" : string.Empty)}";
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [Metadata("PowerShellPath"), "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NO_COLOR"] = "1";
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
