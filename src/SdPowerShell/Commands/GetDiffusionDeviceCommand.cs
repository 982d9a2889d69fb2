using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Onnx;

namespace SdPowerShell.Commands;

/// <summary>Lists the devices that a model can run on, and whether they work on this computer.</summary>
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

    /// <summary>Lists only the devices that work on this computer.</summary>
    [Parameter]
    public SwitchParameter Available { get; set; }

    /// <inheritdoc/>
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

        // A name without wildcards must be that of a device: a wrong one is an error rather than an empty list.
        WildcardPattern pattern = NameMatcher.Pattern(WildcardPattern.ContainsWildcardCharacters(name) ? name : Device.Parse(name).Kind.ToString());
        foreach (DeviceInfo device in Devices.List())
        {
            if (pattern.IsMatch(device.Name) && (device.IsAvailable || !Available))
                WriteObject(device);
        }
    }
}
