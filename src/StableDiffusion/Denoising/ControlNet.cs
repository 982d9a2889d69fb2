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
        _timestep = session.Input(UNet.TimestepInput);
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
