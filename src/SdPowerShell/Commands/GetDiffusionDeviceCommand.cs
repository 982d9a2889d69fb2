using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Onnx;

namespace SdPowerShell.Commands;

/// <summary>Lists the kinds of device that a model can run on, and says which of them work here.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionDevice")]
[OutputType(typeof(DeviceInfo))]
public sealed class GetDiffusionDeviceCommand : DiffusionCmdlet
{
    /// <summary>The names to list; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Device")]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [NameMatcher.All];

    /// <summary>Lists only what can be used here.</summary>
    [Parameter]
    public SwitchParameter Available { get; set; }

    /// <summary>Lists the devices that go by the names.</summary>
    protected override void ProcessRecord()
    {
        foreach (string name in Name)
            ProcessOne(name, () => List(name));
    }

    private void List(string name)
    {
        if (string.Equals(name, Device.Auto, StringComparison.OrdinalIgnoreCase))
        {
            WriteObject(Devices.List().First(device => device.IsDefault));
            return;
        }

        // A name without wildcards is held to be a device's, so a wrong one is an error rather than an empty list.
        WildcardPattern pattern = WildcardPattern.Get(
            WildcardPattern.ContainsWildcardCharacters(name) ? name : Device.Parse(name).Kind.ToString(),
            WildcardOptions.IgnoreCase);

        foreach (DeviceInfo device in Devices.List())
        {
            if (pattern.IsMatch(device.Name) && (device.IsAvailable || !Available))
                WriteObject(device);
        }
    }
}
