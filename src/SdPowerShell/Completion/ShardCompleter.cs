using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Batches.Claims;

namespace SdPowerShell.Completion;

/// <summary>Completes the word for the part of the rows that an array job says.</summary>
public sealed class ShardCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, [(Shard.Auto, "The part of this task of an array job of Slurm, PBS or Kubernetes.")]);
}
