using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Onnx;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of devices. Devices are not tested, so that completion never waits for a GPU.</summary>
public sealed class DeviceCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, Enum.GetValues<DeviceKind>()
            .Select(kind => (kind.ToString(), Devices.Needs(kind)))
            .Prepend((Device.Auto, "The best available device.")));
}
