using StableDiffusion.Onnx;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>
/// The buffers of the ControlNets in one denoising. All ControlNets write into the same outputs, one after another; the
/// residuals are summed in the U-Net's inputs.
/// </summary>
internal sealed class ControlBuffers : IDisposable
{
    private readonly IReadOnlyList<ControlCondition> _conditions;
    private readonly ControlInput[] _inputs;
    private readonly bool[] _isActive;
    private readonly bool _isDirect;
    private readonly int _steps;

    /// <summary>Allocates the buffers.</summary>
    /// <param name="conditions">The ControlNets, at least one.</param>
    /// <param name="input">The inputs of the U-Net.</param>
    /// <param name="steps">The number of steps of the whole denoising.</param>
    public ControlBuffers(IReadOnlyList<ControlCondition> conditions, UNetInput input, int steps)
    {
        _conditions = conditions;
        _steps = steps;
        _isActive = new bool[conditions.Count];
        _inputs = [.. conditions.Select(condition => condition.Net.CreateInput(condition, input.Height, input.Width))];
        Sums = input.Residuals;

        // A single ControlNet writes directly into the U-Net's inputs.
        _isDirect = conditions is [ControlCondition single] && Sums.All(sum => sum.ElementType == single.Net.OutputType);
        Outputs = _isDirect ? Sums : [.. Sums.Select(sum => new OnnxBuffer(conditions[0].Net.OutputType, sum.Shape))];
    }

    /// <summary>The U-Net's inputs: the sums of the residuals.</summary>
    public IReadOnlyList<OnnxBuffer> Sums { get; }

    /// <summary>The outputs of a ControlNet.</summary>
    public IReadOnlyList<OnnxBuffer> Outputs { get; }

    /// <summary>Sets the inputs for a step.</summary>
    /// <param name="sample">The model input.</param>
    /// <param name="timestep">The timestep.</param>
    /// <param name="step">The step, from 0.</param>
    public void Upload(ReadOnlySpan<float> sample, float timestep, int step)
    {
        bool anyActive = false;
        for (int i = 0; i < _inputs.Length; i++)
        {
            _isActive[i] = _conditions[i].IsActive(step, _steps);
            anyActive |= _isActive[i];
            if (!_isActive[i])
                continue;
            sample.CopyTo(_inputs[i].Sample.Values);
            _inputs[i].Sample.Upload();
            _inputs[i].Timestep.Values[0] = timestep;
            _inputs[i].Timestep.Upload();
        }

        if (!anyActive)
            Clear();
    }

    /// <summary>Sets other images of the same size.</summary>
    /// <param name="image">Returns the values of the image of a ControlNet, by its number.</param>
    public void UploadImages(Func<int, float[]> image)
    {
        for (int i = 0; i < _inputs.Length; i++)
        {
            image(i).CopyTo(_inputs[i].Conditioning.Values, 0);
            _inputs[i].Conditioning.Upload();
        }
    }

    /// <summary>Binds the ControlNets to a text embedding.</summary>
    public ControlRun Bind(TextVectors text, float[] sizes)
    {
        List<OnnxBuffer> opened = [];
        return new ControlRun(this, [.. _conditions.Select((condition, i) => condition.Net.Bind(this, _inputs[i], text, sizes, opened))], opened);
    }

    /// <summary>Runs the ControlNets that are active in this step, and sums their residuals.</summary>
    public void Run(OnnxCall[] calls, CancellationToken cancellationToken)
    {
        bool isFirst = true;
        for (int i = 0; i < calls.Length; i++)
        {
            if (!_isActive[i])
                continue;
            calls[i].Run(cancellationToken);
            if (!_isDirect)
                Sum(isFirst);
            isFirst = false;
        }

        if (isFirst || _isDirect)
            return;
        foreach (OnnxBuffer sum in Sums)
            sum.Upload();
    }

    public void Dispose()
    {
        foreach (ControlInput input in _inputs)
            input.Dispose();
        if (_isDirect)
            return;
        foreach (OnnxBuffer output in Outputs)
            output.Dispose();
    }

    private void Sum(bool isFirst)
    {
        for (int i = 0; i < Outputs.Count; i++)
        {
            Outputs[i].Download();
            if (isFirst)
                Outputs[i].Values.CopyTo(Sums[i].Values);
            else
                TensorPrimitives.Add(Sums[i].Values, Outputs[i].Values, Sums[i].Values);
        }
    }

    private void Clear()
    {
        foreach (OnnxBuffer sum in Sums)
        {
            Array.Clear(sum.Values);
            sum.Upload();
        }
    }
}

/// <summary>The ControlNets of a denoising bound to one text embedding.</summary>
internal sealed class ControlRun(ControlBuffers memory, OnnxCall[] calls, IReadOnlyList<OnnxBuffer> inputs) : IDisposable
{
    /// <summary>Computes the residuals for this text into the U-Net's inputs.</summary>
    public void Run(CancellationToken cancellationToken) => memory.Run(calls, cancellationToken);

    public void Dispose()
    {
        foreach (OnnxCall call in calls)
            call.Dispose();
        foreach (OnnxBuffer input in inputs)
            input.Dispose();
    }
}
