using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Settings;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Pipelines;

/// <summary>
/// Makes an image again tile by tile, so that it can be larger than those of the model: each tile goes through image-to-image
/// with the next seed, and the tiles fade into each other. Source: A1111 1.10, <c>scripts/sd_upscale.py</c>.
/// </summary>
internal static class TileRepainting
{
    private const string TileSizeSetting = "TileSize";
    private const string TileOverlapSetting = "TileOverlap";
    private const string ControlInput = "ControlImage";
    private const string ControlPreprocessorSetting = "ControlPreprocessor";
    private const int Unit = 8;

    private const int ShortestSide = 32;

    /// <summary>Throws for tiles that cannot be made.</summary>
    /// <param name="sizeSetting">The setting with the side of a tile.</param>
    /// <param name="size">The side in pixels.</param>
    /// <param name="overlapSetting">The setting with the overlap.</param>
    /// <param name="overlap">The overlap in pixels.</param>
    /// <exception cref="InvalidSettingException">One of them is out of range.</exception>
    public static void Check(string sizeSetting, int size, string overlapSetting, int overlap)
    {
        if (size < ShortestSide || size > LatentSpace.HighestSide || size % Unit != 0)
            throw new InvalidSettingException(sizeSetting, $"{sizeSetting} is {size}, but must be a multiple of {Unit} from {ShortestSide} to {LatentSpace.HighestSide}.");
        if (overlap < 0 || overlap > size / 2)
            throw new InvalidSettingException(overlapSetting, $"{overlapSetting} is {overlap}, but must be from 0 to {size / 2}, half of a tile.");
    }

    /// <summary>Makes an image again.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="image">The image, whose sides are multiples of the latent's factor.</param>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="negative">The embedding of the negative prompt; null for the one that is used if none is given.</param>
    /// <param name="options">The settings of the image-to-image of a tile, with the strength; the seed is that of the first tile. Control images are those of the whole image.</param>
    /// <param name="tileSize">The side of a tile in pixels; a side of the image that is shorter has one tile.</param>
    /// <param name="overlap">How much two tiles overlap at least, in pixels.</param>
    /// <param name="observer">Observes the stages of each tile.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, with the settings of the first tile and one more stage.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range, or there are not enough seeds.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public static DiffusionImage Run(DiffusionPipeline pipeline, DiffusionImage image, TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options, int tileSize, int overlap, StageObserver observer, CancellationToken cancellationToken)
    {
        Check(TileSizeSetting, tileSize, TileOverlapSetting, overlap);
        TileGrid grid = TileGrid.Divide(image.Width, image.Height, tileSize, tileSize, overlap);
        long seed = options.Seed ?? throw new InvalidSettingException(nameof(options.Seed), "There is no seed for the tiles. Give one.");
        if (seed > long.MaxValue - grid.Count)
            throw new InvalidSettingException(nameof(options.Seed), $"The seed {seed} leaves no {grid.Count} seeds up to {long.MaxValue}, one for each tile. Use a lower one.");

        VaeOptions vae = VaeOptions.From(options);
        DiffusionImage[] controls = [.. options.Controls.Select(control => ControlImage.Preprocess(ImageResize.Resize(control.Image, image.Width, image.Height, ResizeMode.Stretch), control.Preprocessor, cancellationToken: cancellationToken))];
        GenerationStage? denoising = null;
        DiffusionImage? first = null;
        int index = 0;
        byte[] pixels = grid.Run(image.Pixels, scale: 1, tile =>
        {
            Latent start = observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(ImageOf(tile), ResizeMode.None, seed: null, default, vae, cancellationToken));
            DenoiseOptions own = options with
            {
                Seed = seed + index,
                Controls = [.. options.Controls.Zip(controls, (control, whole) => control with { Image = ImageOf(grid.Cut(whole.Pixels, index)), Preprocessor = ControlPreprocessor.None })],
            };
            Latent latent = observer.Run(Stage.Denoising, () => pipeline.Denoise(embedding, negative, start, own, observer.OnStep, cancellationToken));
            DiffusionImage made = observer.Run(Stage.VaeDecoder, () => pipeline.Decode(latent, vae, cancellationToken));
            denoising ??= latent.Stages![^1];
            first ??= made;
            index++;
            return made.Pixels;
        });

        GenerationInfo info = first!.Info with
        {
            Width = image.Width,
            Height = image.Height,
            ControlNets = first.Info.ControlNets is null ? null : [.. first.Info.ControlNets.Zip(options.Controls, static (net, control) => net with { Image = control.Image.Path, Preprocessor = control.Preprocessor.ToString() })],
        };
        GenerationStage stage = StageOf(denoising!, info, options, tileSize, overlap, pixels);
        return new DiffusionImage(image.Width, image.Height, pixels, info with { Stages = image.Origin().Append(stage) });

        DiffusionImage ImageOf(byte[] part) => new(grid.TileWidth, grid.TileHeight, part);
    }

    /// <summary>The side of the tiles of a stage, and their overlap.</summary>
    /// <param name="stage">The stage.</param>
    /// <exception cref="InvalidSettingException">One of them is missing or out of range.</exception>
    public static (int Size, int Overlap) TilesOf(GenerationStage stage)
    {
        (int size, int overlap) = (stage.Number<int>(TileSizeSetting) ?? 0, stage.Number<int>(TileOverlapSetting) ?? 0);
        Check(TileSizeSetting, size, TileOverlapSetting, overlap);
        return (size, overlap);
    }

    /// <summary>The stage of the first tile, as that of the whole image.</summary>
    private static GenerationStage StageOf(GenerationStage denoising, GenerationInfo info, DenoiseOptions options, int tileSize, int overlap, byte[] pixels)
    {
        OrderedDictionary<string, object> settings = new(denoising.Settings, StringComparer.Ordinal);
        settings.Insert(0, TileSizeSetting, (long)tileSize);
        settings.Insert(1, TileOverlapSetting, (long)overlap);
        if (info.VaeTiling is string tiling)
            settings[nameof(info.VaeTiling)] = tiling;
        if (info.VaeTileSize is int side)
            settings[nameof(info.VaeTileSize)] = (long)side;
        OrderedDictionary<string, IReadOnlyList<StageList>> inputs = new(denoising.Inputs, StringComparer.Ordinal);
        if (options.Controls.Count > 0)
        {
            settings[ControlPreprocessorSetting] = options.Controls.Select(static control => control.Preprocessor.ToString()).ToArray();
            inputs[ControlInput] = [.. options.Controls.Select(static control => control.Image.Origin())];
        }

        return new GenerationStage { Operation = StageOperation.RepaintTiles, Settings = settings, Inputs = inputs, Output = StageList.Hash<byte>(pixels), Made = denoising.Made };
    }
}
