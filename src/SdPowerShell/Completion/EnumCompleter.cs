using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Settings;

namespace SdPowerShell.Completion;

/// <summary>Completes the values of an enumeration.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
public sealed class EnumCompleter<T> : IArgumentCompleter, IWords
    where T : struct, Enum
{
    /// <inheritdoc/>
    IReadOnlyList<string> IWords.All => Enum.GetNames<T>();

    /// <inheritdoc/>
    void IWords.Check(string setting, string text) => EnumSetting.ParseOrNull<T>(setting, text);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, Enum.GetNames<T>().Select(name => (name, string.Empty)));
}
