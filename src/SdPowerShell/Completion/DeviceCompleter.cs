using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Onnx;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of devices, those that are offered here first.</summary>
public sealed class DeviceCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, Devices.List()
            .Select(device => (device.Name, device.IsAvailable ? device.Note : $"Not offered here. {device.Note}"))
            .Prepend((Device.Auto, "The best device there is.")));
}
