using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;

namespace SdPowerShell.Commands;

/// <summary>Splits latents into their channels, as numbers and as images in levels of gray.</summary>
[Cmdlet(VerbsCommon.Split, "Latent")]
[OutputType(typeof(LatentChannel))]
public sealed class SplitLatentCommand : DiffusionCmdlet
{
    private const int DefaultScale = 8;

    /// <summary>The latents.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The channels, from 0; all by default.</summary>
    [Parameter(Position = 1)]
    [Number<int>(IsList = true)]
    public Number<int>[]? Channel { get; set; }

    /// <summary>The value that is black in the images; the lowest one of each channel by default.</summary>
    [Parameter]
    [Number<double>]
    public Number<double>? Minimum { get; set; }

    /// <summary>The value that is white in the images; the highest one of each channel by default.</summary>
    [Parameter]
    [Number<double>]
    public Number<double>? Maximum { get; set; }

    /// <summary>The side of the square of pixels for each value, 1 to 64; 8 by default, as in the decoded image.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? Scale { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, latent => WriteObject(Split(latent), enumerateCollection: true));

    private IEnumerable<LatentChannel> Split(Latent latent)
    {
        IReadOnlyList<LatentChannel> all = LatentChannel.Split(latent, Number.Read(Minimum), Number.Read(Maximum), Number.Read(Scale) ?? DefaultScale);
        return Number.Read(Channel) is not int[] channels ? all : [.. channels.Select(channel => channel >= 0 && channel < all.Count
            ? all[channel]
            : throw new InvalidSettingException(nameof(Channel), $"The latent has no channel {channel}. Give one from 0 to {all.Count - 1}."))];
    }
}
