using StableDiffusion.Autoencoding;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>The autoencoder of a model for one stage: it encodes or decodes as a whole or in tiles, and remembers which it was.</summary>
/// <param name="model">The open model.</param>
/// <param name="options">How to encode and decode.</param>
/// <param name="messages">Receives what there is to say.</param>
internal sealed class Autoencoder(DiffusionModel model, VaeOptions options, PipelineMessages messages)
{
    private string? _tiling;
    private int? _tileSize;
    private SeparateVae? _separate;

    /// <summary>The autoencoder that is used in place of the model's own; null for that.</summary>
    private SeparateVae? Separate => _separate ??= options.Vae is string vae ? model.Vaes.Find(vae) : null;

    /// <summary>Encodes an image.</summary>
    /// <inheritdoc cref="VaeEncoder.Encode"/>
    public (Tensor Latent, Tensor Mean) Encode(Tensor pixels, INoiseSource? noise, CancellationToken cancellationToken)
    {
        VaeEncoder Open(Tiling tiling) => Separate is SeparateVae vae ? model.Vaes.OpenEncoder(vae, messages.Loading, cancellationToken, tiling) : model.OpenVaeEncoder(messages.Loading, cancellationToken, tiling);
        return Run(
            pixels.Shape[2], pixels.Shape[3],
            (tiles, tiling) => Open(tiling).Encode(pixels, noise, tiles, messages.Warning, cancellationToken),
            tiling => Open(tiling).ReleaseMemory(model.Info.LatentFactor, cancellationToken));
    }

    /// <summary>Decodes a latent.</summary>
    /// <inheritdoc cref="VaeDecoder.Decode"/>
    public Tensor Decode(Tensor latent, CancellationToken cancellationToken)
    {
        VaeDecoder Open(Tiling tiling) => Separate is SeparateVae vae ? model.Vaes.OpenDecoder(vae, messages.Loading, cancellationToken, tiling) : model.OpenVaeDecoder(messages.Loading, cancellationToken, tiling);
        return Run(
            latent.Shape[2] * model.Info.LatentFactor, latent.Shape[3] * model.Info.LatentFactor,
            (tiles, tiling) => Open(tiling).Decode(latent, tiles, messages.Warning, cancellationToken),
            tiling => Open(tiling).ReleaseMemory(cancellationToken));
    }

    /// <summary>
    /// Records which autoencoder was chosen in place of the model's own, and how it was run last: in tiles, or as a whole where
    /// tiles are to be expected. Nothing otherwise.
    /// </summary>
    /// <param name="info">The settings of the result.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public GenerationInfo Record(GenerationInfo info, CancellationToken cancellationToken) => info with
    {
        Vae = Separate?.Name,
        VaeHash = Separate is SeparateVae vae ? model.Vaes.Identify(vae, cancellationToken) : null,
        VaeTiling = _tiling,
        VaeTileSize = _tileSize,
    };

    /// <remarks>The edges of a tile do not meet: it is run by the graph without that, and those of the image are joined afterwards.</remarks>
    private T Run<T>(int height, int width, Func<VaeTiles?, Tiling, T> run, Action<Tiling> release)
    {
        Tiling tiling = options.Seamless ?? Tiling.None;
        T result = RunAsAsked(height, width, tiles => run(tiles, tiles is null ? tiling : Tiling.None), () => release(tiling));
        if (new MemoryEstimate(model, options).IsWorthReleasing(width, height))
            release(_tiling == nameof(VaeTiling.On) ? Tiling.None : tiling);
        return result;
    }

    private T RunAsAsked<T>(int height, int width, Func<VaeTiles?, T> run, Action release)
    {
        MemoryEstimate memory = new(model, options);
        int factor = model.Info.LatentFactor, size = Math.Max(memory.TileSize / factor, VaeTiles.ShortestSide) * factor;
        VaeTiles? tiles = options.Tiling == VaeTiling.Off ? null : VaeTiles.Divide(height / factor, width / factor, size / factor, factor, options.Seamless ?? Tiling.None);
        bool isLarge = memory.IsLarge(width, height);
        if (tiles is null || (options.Tiling == VaeTiling.Auto && !isLarge && memory.FitsWhole(width, height)))
        {
            (_tiling, _tileSize) = (isLarge ? nameof(VaeTiling.Off) : null, null);
            try
            {
                return run(null);
            }
            catch (InferenceException error) when (tiles is not null && OnnxFault.IsMemory(error.InnerException))
            {
                messages.Warning?.Invoke($"There is not enough memory for the autoencoder at {width}x{height} pixels. It {InTiles()}, so that the result differs a little from one on a computer with more memory.");
                release();
            }
        }
        else if (options.Tiling == VaeTiling.Auto && !isLarge)
        {
            messages.Warning?.Invoke($"The autoencoder needs about {ByteSize.Format(memory.Whole(width, height))} of memory for {width}x{height} pixels, more than there may be. It {InTiles()}, so that the result differs a little from one on a computer with more memory.");
        }
        else
        {
            messages.Note?.Invoke($"The autoencoder {InTiles()} at {width}x{height} pixels.");
        }

        (_tiling, _tileSize) = (nameof(VaeTiling.On), size);
        return run(tiles);

        string InTiles() => $"works in {tiles!.Rows.Count * tiles.Columns.Count} tiles of up to {size} pixels";
    }
}
