using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of the jobs in the folder that is given, or in the current one.</summary>
public sealed class JobNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string folder = $"{fakeBoundParameters[nameof(JobCmdlet.LiteralPath)] ?? fakeBoundParameters[nameof(JobCmdlet.Path)] ?? "."}";
        string? current = CompletionCompleters.CompleteFilename("./").FirstOrDefault()?.ToolTip;
        string? location = current is null ? null : Path.GetDirectoryName(current);
        string path = Path.GetFullPath(folder, location ?? Environment.CurrentDirectory);
        string root = Path.Combine(path, JobFolder.Root);
        return Completions.Of(wordToComplete, Directory.Exists(root) ? Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal).Select(static job => (Path.GetFileName(job), job)) : []);
    }
}
