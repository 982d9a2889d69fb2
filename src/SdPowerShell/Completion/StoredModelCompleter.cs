using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Library;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of the user's own models, damaged ones too: not the one that ships with the module, and no paths.</summary>
public sealed class StoredModelCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelLibrary.Default.Models.Stored());
}
