using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using SdPowerShell.Terminal;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Shows images, latents and masks in the terminal.</summary>
[Cmdlet(VerbsCommon.Show, "DiffusionImage", DefaultParameterSetName = InputObjectSet)]
[OutputType(typeof(DiffusionImage), typeof(Latent), typeof(MaskImage), typeof(string))]
public sealed class ShowDiffusionImageCommand : ModelCmdlet
{
    private const string InputObjectSet = "InputObject";
    private const string LiteralPathSet = "LiteralPath";

    private TerminalOutput? _terminal;
    private object[] _items = [];
    private bool _isLiteral;

    /// <summary>What is shown: images, latents, masks, or the paths of image files, in which wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = InputObjectSet)]
    [Alias("Image", "Latent", "Path")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public object[] InputObject { get => _items; set => (_items, _isLiteral) = (value, false); }

    /// <summary>The image files, whose paths are taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => [.. _items.Cast<string>()]; set => (_items, _isLiteral) = (value, true); }

    /// <summary>How the terminal shows images: Auto, Sixel, Kitty, ITerm2, HalfBlock, Ascii or None.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<TerminalProtocol>))]
    public string? Protocol { get; set; }

    /// <summary>The width in columns, 1 to 1000; by default what fits into the window.</summary>
    [Parameter]
    [ValidateRange(1, TerminalArea.Longest)]
    [WholeNumber]
    public int? Width { get; set; }

    /// <summary>Shows one channel as gray levels: that of a latent, or 0, 1 or 2 of an image for red, green or blue.</summary>
    [Parameter]
    [WholeNumber]
    public int? Channel { get; set; }

    /// <summary>Writes the text that shows the image to the pipeline, and not to the terminal.</summary>
    [Parameter]
    public SwitchParameter AsString { get; set; }

    /// <summary>Also writes the objects that are shown to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Require(Protocol, FindTerminal);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (object item in _items)
        {
            object? given = Cell.Unwrap(item);
            switch (given)
            {
                case string path:
                    ForEachFile(path, _isLiteral);
                    break;
                case FileSystemInfo file:
                    ForEachFile(file.FullName, isLiteral: true);
                    break;
                default:
                    ProcessOne(given, () => Show(given is PSCustomObject ? SerializedObject.Restore(PSObject.AsPSObject(item)).BaseObject : given));
                    break;
            }
        }
    }

    private void ForEachFile(string path, bool isLiteral)
    {
        foreach (string file in PathHelper.ResolveInput(this, [path], isLiteral))
            ProcessOne(file, () => Show(PassThru ? MetadataReader.LoadImage(file, CancellationToken).Image : ImageFile.Load(file, CancellationToken)));
    }

    private void Show(object? item)
    {
        DiffusionImage image = item switch
        {
            DiffusionImage own => Channel is int channel ? ChannelOf(own, channel) : own,
            Latent latent => ImageOf(latent),
            MaskImage mask => ImageOf(mask),
            LatentChannel shown => shown.Image,
            DetectedRegion region => ImageOf(region.Mask),
            _ => throw new InvalidSettingException(nameof(InputObject), $"'{LanguagePrimitives.ConvertTo<string>(item)}' of type {item?.GetType().Name} is no image. Give an image, a latent, a mask, a region, or the path of an image file."),
        };
        if (_terminal?.Encode(image, Width, CancellationToken) is string text)
        {
            if (AsString)
                WriteObject(text);
            else
                _terminal.Write(text);
        }

        if (PassThru)
            WriteObject(item);
    }

    private DiffusionImage ImageOf(Latent latent)
    {
        if (Channel is not int channel)
            return UsePipeline(pipeline => pipeline.Preview(latent, vae: null, CancellationToken), madeBy: latent.Model);
        IReadOnlyList<LatentChannel> channels = LatentChannel.Split(latent, scale: 1);
        RefuseChannel(channel < 0 || channel >= channels.Count, $"The latent has the channels 0 to {channels.Count - 1}, and not {channel}.");
        LatentChannel shown = channels[channel];
        WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"Channel {channel}: black is {shown.Black:G4}, white is {shown.White:G4}."));
        return shown.Image;
    }

    private DiffusionImage ImageOf(MaskImage mask)
    {
        RefuseChannel(Channel is not (null or 0), $"A mask has the channel 0, and not {Channel}.");
        return Gray(mask.Width, mask.Height, i => mask.Pixels[i]);
    }

    private static DiffusionImage ChannelOf(DiffusionImage image, int channel)
    {
        RefuseChannel(channel is < 0 or >= DiffusionImage.Channels, $"An image has the channels 0 to {DiffusionImage.Channels - 1} for red, green and blue, and not {channel}.");
        return Gray(image.Width, image.Height, i => image.Pixels[(i * DiffusionImage.Channels) + channel]);
    }

    private static DiffusionImage Gray(int width, int height, Func<int, byte> level)
    {
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int i = 0; i < width * height; i++)
            pixels.AsSpan(i * DiffusionImage.Channels, DiffusionImage.Channels).Fill(level(i));
        return new DiffusionImage(width, height, pixels);
    }

    private static void RefuseChannel(bool isOutside, string message)
    {
        if (isOutside)
            throw new InvalidSettingException(nameof(Channel), message);
    }

    private void FindTerminal()
    {
        TerminalProtocol asked = EnumSetting.Parse(nameof(Protocol), Protocol, TerminalProtocol.Auto);
        if (AsString)
        {
            _terminal = TerminalOutput.OfText(Host, asked);
            return;
        }

        _terminal = TerminalOutput.Find(Host, asked, out string reason);
        string why = asked == TerminalProtocol.Auto && _terminal?.Protocol == TerminalProtocol.Ascii ? ", since the terminal, NO_COLOR or $PSStyle.OutputRendering allows no colors" : string.Empty;
        WriteVerbose(_terminal is null ? $"Nothing is shown. {reason}." : $"Images are shown by {_terminal.Protocol}{why}.");
    }
}
