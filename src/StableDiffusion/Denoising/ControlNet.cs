using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>
/// A ControlNet: from the inputs of the U-Net and a control image, it computes residuals that are added to the U-Net's skip
/// connections and mid block. Source: Zhang et al., arXiv 2302.05543.
/// </summary>
internal sealed class ControlNet : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _sample;
    private readonly OnnxValueInfo _timestep;
    private readonly OnnxValueInfo _embedding;
    private readonly OnnxValueInfo _conditioning;
    private readonly OnnxValueInfo _scale;
    private readonly OnnxValueInfo? _pooledText;
    private readonly OnnxValueInfo? _sizes;
    private readonly OnnxValueInfo[] _outputs;

    internal ControlNet(OnnxSession session, string name, string? hash)
    {
        _session = session;
        Name = name;
        Hash = hash;
        _sample = session.Input(UNet.SampleInput);
        _timestep = session.Input(GraphInput.Timestep);
        _embedding = session.Input(UNet.EmbeddingInput);
        _conditioning = session.Input(new GraphInput("controlnet_cond", 4));
        _scale = session.Input("conditioning_scale");
        _pooledText = session.FindInput(UNet.PooledTextInput);
        _sizes = session.FindInput(UNet.SizesInput);
        _outputs = ControlResiduals.Find(session, session.Outputs);
    }

    /// <summary>The name or path that it was requested by.</summary>
    public string Name { get; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of its weights; null if not known.</summary>
    public string? Hash { get; }

    /// <summary>Checks that it fits a U-Net.</summary>
    /// <param name="unet">The U-Net.</param>
    /// <param name="model">The model's name.</param>
    /// <exception cref="ShapeMismatchException">The ControlNet and the U-Net belong to different families.</exception>
    internal void CheckFits(UNet unet, string model)
    {
        bool fits = _embedding.Dimensions[^1] == unet.EmbeddingWidth
            && _pooledText is not null == unet.TakesPooledText
            && _sample.Dimensions[1] == unet.LatentChannels
            && _outputs.Select(output => output.Dimensions[1]).SequenceEqual(unet.Residuals.Select(residual => residual.Dimensions[1]));
        if (!fits)
            throw new ShapeMismatchException($"The ControlNet '{Name}' was made for another family of models than '{model}'. Use one for the same family: Stable Diffusion 1.x, 2.x or XL.");
    }

    /// <summary>Binds the buffers of a denoising and a text embedding, for one run per step. Not thread-safe.</summary>
    internal OnnxCall Bind(ControlBuffers memory, ControlInput own, TextVectors text, float[] sizes, List<OnnxBuffer> opened)
    {
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs =
        [
            (_sample, own.Sample), (_timestep, own.Timestep), (_conditioning, own.Conditioning), (_scale, own.Scale),
            (_embedding, Open(new OnnxBuffer(text.HiddenStates, _embedding.ElementType))),
        ];
        if (_pooledText is not null)
            inputs.Add((_pooledText, Open(new OnnxBuffer(text.PooledState!, _pooledText.ElementType))));
        if (_sizes is not null)
            inputs.Add((_sizes, Open(new OnnxBuffer(new Tensors.Tensor(sizes, 1, sizes.Length), _sizes.ElementType))));
        return _session.Bind([.. _outputs.Zip(memory.Outputs)], [.. inputs]);

        OnnxBuffer Open(OnnxBuffer buffer)
        {
            opened.Add(buffer);
            return buffer;
        }
    }

    /// <summary>Whether it can compute for several rows at once, each with its own timestep and image.</summary>
    internal bool TakesBatches => _timestep.Rank == 1
        && new[] { _sample, _timestep, _embedding, _conditioning, _pooledText, _sizes }.OfType<OnnxValueInfo>().Concat(_outputs).All(static value => value.Dimensions[0] <= 0);

    /// <summary>Binds the outputs to memory for a number of rows. Not thread-safe.</summary>
    /// <param name="items">As many items as there are rows, whose texts have the same number of tokens.</param>
    /// <param name="control">The index of this ControlNet in the items.</param>
    /// <param name="outputs">The memory of the outputs.</param>
    /// <param name="height">The height of the latents.</param>
    /// <param name="width">The width of the latents.</param>
    internal ControlBatchNet BindBatch(IReadOnlyList<UNetBatchItem> items, int control, IReadOnlyList<OnnxBuffer> outputs, int height, int width)
    {
        UNetBatchItem first = items[0];
        int rows = items.Count;
        Tensors.Tensor image = first.Controls[control].Image;
        OnnxBuffer sample = new(_sample.ElementType, rows, _sample.Dimensions[1], height, width);
        OnnxBuffer timestep = new(_timestep.ElementType, rows);
        OnnxBuffer embedding = new(_embedding.ElementType, rows, first.Text.HiddenStates.Shape[1], first.Text.HiddenStates.Shape[2]);
        OnnxBuffer conditioning = new(_conditioning.ElementType, rows, image.Shape[1], image.Shape[2], image.Shape[3]);
        OnnxBuffer scale = new(new Tensors.Tensor([(float)first.Controls[control].Scale], 1), _scale.ElementType);
        OnnxBuffer? pooled = _pooledText is null ? null : new OnnxBuffer(_pooledText.ElementType, rows, first.Text.PooledState!.Shape[1]);
        OnnxBuffer? sizes = _sizes is null ? null : new OnnxBuffer(_sizes.ElementType, rows, first.Sizes.Length);
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs = [(_sample, sample), (_timestep, timestep), (_embedding, embedding), (_conditioning, conditioning), (_scale, scale)];
        if (pooled is not null)
            inputs.Add((_pooledText!, pooled));
        if (sizes is not null)
            inputs.Add((_sizes!, sizes));
        return new ControlBatchNet(_session.Bind([.. _outputs.Zip(outputs)], [.. inputs]), control, sample, timestep, embedding, conditioning, scale, pooled, sizes);
    }

    /// <summary>Allocates the inputs for a denoising that do not depend on the text.</summary>
    internal ControlInput CreateInput(ControlCondition condition, int height, int width)
    {
        OnnxBuffer scale = new(new Tensors.Tensor([(float)condition.Scale], 1), _scale.ElementType);
        return new ControlInput(
            new OnnxBuffer(_sample.ElementType, 1, _sample.Dimensions[1], height, width),
            _timestep.Rank == 0 ? new OnnxBuffer(_timestep.ElementType) : new OnnxBuffer(_timestep.ElementType, 1),
            new OnnxBuffer(condition.Image, _conditioning.ElementType),
            scale);
    }

    /// <summary>The element type of its outputs.</summary>
    internal TensorElementType OutputType => _outputs[0].ElementType;

    /// <summary>Releases the graph.</summary>
    public void Dispose() => _session.Dispose();
}

/// <summary>The inputs of a ControlNet that do not depend on the text.</summary>
internal sealed record ControlInput(OnnxBuffer Sample, OnnxBuffer Timestep, OnnxBuffer Conditioning, OnnxBuffer Scale) : IDisposable
{
    public void Dispose()
    {
        Sample.Dispose();
        Timestep.Dispose();
        Conditioning.Dispose();
        Scale.Dispose();
    }
}
