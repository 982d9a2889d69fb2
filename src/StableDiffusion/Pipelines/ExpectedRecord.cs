using StableDiffusion.Adapters;
using StableDiffusion.Autoencoding;
using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>What an image of a request will record, found without opening a network: the settings as the denoising and the decoder record them.</summary>
/// <param name="model">The model.</param>
/// <param name="options">The settings of the image, with its seed.</param>
/// <param name="start">The image to start from; null for noise.</param>
/// <param name="hires">The second pass; null for none.</param>
internal sealed class ExpectedRecord(DiffusionModel model, DenoiseOptions options, StartImage? start, HiresPass? hires)
{
    private bool EditsImages => model.Info.Variant == ModelVariant.InstructPix2Pix;

    private int Width => start?.Image.Width ?? options.Width ?? model.Info.Width;

    private int Height => start?.Image.Height ?? options.Height ?? model.Info.Height;

    /// <summary>The record, without stages.</summary>
    /// <param name="adapters">The LoRAs.</param>
    /// <param name="words">The textual inversion embeddings.</param>
    /// <param name="recorded">The record of an image that it is compared with.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public GenerationInfo Of(AdapterSet adapters, IReadOnlyList<TextualInversion> words, GenerationInfo recorded, CancellationToken cancellationToken)
    {
        (int fullWidth, int fullHeight) = Decoded;
        (int madeWidth, int madeHeight) = hires?.TileOf(fullWidth, fullHeight) ?? (fullWidth, fullHeight);
        InpaintSettings inpainting = new(options);
        PromptSyntax syntax = EnumSetting.Parse(nameof(options.PromptSyntax), options.PromptSyntax, PromptSyntax.Plain);
        SeparateVae? vae = options.Vae is string named ? model.Vaes.Find(named) : null;
        GenerationInfo info = DenoiseStart.Describe(options, model);
        info = LatentWindows.Record(info, DenoiseStart.WindowsOf(options, model, madeWidth, madeHeight)) with
        {
            Width = Width,
            Height = Height,
            Background = start is null ? null : info.Background,
            Strength = start is null || EditsImages ? null : options.Strength ?? DenoiseOptions.DefaultStrength,
            ResizeMode = start is null or { ResizeMode: ResizeMode.None } ? null : start.ResizeMode.ToString(),
            ControlNets = Controls(cancellationToken),
            GuidanceScale = options.GuidanceScale ?? model.Info.GuidanceScale,
            FeatureReuseBranch = options.FeatureReuse > 1 ? options.FeatureReuseBranch ?? 0 : null,
            Tiling = options.ToTiling().ToString(),
            ImageGuidanceScale = EditsImages && start is not null ? options.ImageGuidanceScale ?? DiffusionPipeline.DefaultImageGuidanceScale : null,
            PromptSyntax = syntax.ToString(),
            Emphasis = syntax == PromptSyntax.A1111 ? EnumSetting.Parse(nameof(options.Emphasis), options.Emphasis, EmphasisMode.Original).ToString() : null,
            Vae = vae?.Name,
            VaeHash = vae is null ? null : model.Vaes.Identify(vae, cancellationToken),
            ModelHash = model.Identify(progress: null, cancellationToken),
            VaeTiling = CanDecodeAs(recorded) ? recorded.VaeTiling : options.VaeTiling,
            VaeTileSize = CanDecodeAs(recorded) ? recorded.VaeTileSize : options.VaeTileSize,
        };
        info = SettingTable.WithoutDefaults(AdapterRecord.Add(InpaintSettings.Record(inpainting.Spell(info), start?.Mask is not null), adapters, words));
        return hires?.Describe(info, info) ?? info;
    }

    /// <summary>Whether an image of these settings can have been decoded in the way that a record tells: by itself, that depends on the memory that is free.</summary>
    /// <param name="recorded">The record.</param>
    private bool CanDecodeAs(GenerationInfo recorded)
    {
        VaeOptions vae = VaeOptions.From(options);
        if (recorded.VaeTiling != nameof(VaeTiling.On))
            return vae.Tiling != VaeTiling.On || Tiles(vae) is null;

        (int width, int height) = Decoded;
        MemoryEstimate memory = new(model, vae);
        return recorded.VaeTileSize == TileSize(memory) && Tiles(vae) is not null && (vae.Tiling == VaeTiling.On || (vae.Tiling == VaeTiling.Auto && (memory.IsLarge(width, height) || !memory.FitsWhole(width, height))));
    }

    private (int Width, int Height) Decoded => hires?.SizeOf(Width, Height, model.Info.LatentFactor) ?? (Width, Height);

    private VaeTiles? Tiles(VaeOptions vae)
    {
        int factor = model.Info.LatentFactor;
        (int width, int height) = Decoded;
        return VaeTiles.Divide(height / factor, width / factor, TileSize(new MemoryEstimate(model, vae)) / factor, factor, vae.Seamless ?? Tiling.None);
    }

    private int TileSize(MemoryEstimate memory) => Math.Max(memory.TileSize / model.Info.LatentFactor, VaeTiles.ShortestSide) * model.Info.LatentFactor;

    private IReadOnlyList<ControlNetInfo>? Controls(CancellationToken cancellationToken) => options.Controls.Count == 0 ? null :
    [
        .. options.Controls.Select(control =>
        {
            (string name, string hash) = model.ControlNets.Identify(control.ControlNet, cancellationToken);
            return new ControlNetInfo { Name = name, Hash = hash, Preprocessor = control.Preprocessor.ToString(), Scale = control.Scale, Start = control.Start, End = control.End };
        }),
    ];
}
