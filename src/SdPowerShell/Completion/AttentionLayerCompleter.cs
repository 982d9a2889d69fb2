using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of cross-attentions by the parts of a U-Net, which all models have; the rest of a name depends on the model.</summary>
public sealed class AttentionLayerCompleter : IArgumentCompleter
{
    private static readonly (string, string)[] s_parts =
    [
        ("down_blocks*", "The layers before the smallest feature maps"),
        ("mid_block*", "The layer at the smallest feature maps"),
        ("up_blocks*", "The layers after the smallest feature maps"),
    ];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, s_parts);
}
