using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The predictions of the U-Net in one denoising: for the whole latent, or for its windows, which are averaged.</summary>
internal sealed class Predictor : IDisposable
{
    private readonly LatentWindows? _windows;
    private readonly UNetInput _input;
    private readonly ControlBuffers? _control;
    private readonly Tensor[] _controlImages;
    private readonly Tensor? _added;

    // Features that are reused belong to a window.
    private readonly UNetPredictions[] _predictions;
    private readonly Tensor _sample;
    private readonly Tensor _positive;
    private readonly Tensor _negative;
    private float _timestep;
    private int _step;
    private int _number;

    /// <summary>Allocates the memory.</summary>
    /// <param name="unet">The U-Net.</param>
    /// <param name="row">The denoising.</param>
    /// <param name="added">The input channels of the U-Net besides the latent; null for none.</param>
    /// <param name="isControlled">Whether the ControlNets of the request take part.</param>
    public Predictor(UNet unet, DenoiseRow row, Tensor? added, bool isControlled)
    {
        DenoiseRequest request = row.Request;
        _windows = request.Windows;
        _added = added;
        _sample = new Tensor([.. row.Sample.Shape]);
        bool isDivided = _windows is not null;
        (_positive, _negative) = isDivided ? (new Tensor([.. row.Sample.Shape]), new Tensor([.. row.Sample.Shape])) : (_sample, _sample);
        _input = unet.CreateInput(_windows?.Height ?? row.Sample.Shape[2], _windows?.Width ?? row.Sample.Shape[3], added is null ? null : PartOf(added), isControlled ? row.GuidanceScale : Guidance.NeutralScale);
        _controlImages = isControlled ? [.. request.Controls.Select(static control => control.Image)] : [];
        _control = _controlImages.Length > 0 ? new ControlBuffers([.. request.Controls.Select(control => control with { Image = PartOf(control.Image) })], _input, row.Steps) : null;
        _predictions = [.. Enumerable.Range(0, isDivided && request.Reuse is not null ? _windows!.Count : 1).Select(_ => new UNetPredictions(unet, _input, _control, request.Reuse))];

        Tensor PartOf(Tensor whole) => _windows?.Cut(whole, 0) ?? whole;
    }

    /// <summary>The sample at the scale that the U-Net takes, to be written before <see cref="Begin"/>.</summary>
    public Span<float> Sample => _sample.Span;

    /// <summary>Begins the call of a row.</summary>
    /// <param name="row">The row.</param>
    public void Begin(DenoiseRow row)
    {
        (_timestep, _step, _number) = (row.Timestep, row.Step, row.Number);
        if (_windows is not null)
            return;
        _sample.Span.CopyTo(_input.Sample.Values);
        Upload();
    }

    /// <summary>Predicts for a part of the prompt.</summary>
    /// <param name="conditioning">The prompt.</param>
    /// <param name="part">The number of the part.</param>
    /// <param name="cancellationToken">Cancels the prediction.</param>
    /// <returns>The prediction, in memory that the next one for a prompt uses again.</returns>
    public ReadOnlySpan<float> Positive(Conditioning conditioning, int part, CancellationToken cancellationToken) =>
        Run(predictions => predictions.Positive(conditioning, part, _step), _positive, cancellationToken);

    /// <summary>Keeps the cross-attention of the last prediction for a part of the prompt, of the whole latent.</summary>
    /// <param name="conditioning">The prompt.</param>
    /// <param name="part">The number of the part.</param>
    /// <param name="attention">Keeps it.</param>
    /// <param name="step">The step of the whole schedule, from 1.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public void Attend(Conditioning conditioning, int part, AttentionProbe attention, int step, CancellationToken cancellationToken) =>
        attention.Keep(step, conditioning.Parts[part].At(_step), _input.Height, _input.Width, _predictions[0].Positive(conditioning, part, _step).Inputs, cancellationToken);

    /// <summary>Predicts for the negative prompt.</summary>
    /// <param name="conditioning">The negative prompt.</param>
    /// <param name="cancellationToken">Cancels the prediction.</param>
    /// <returns>The prediction, in memory that the next one for a negative prompt uses again.</returns>
    public ReadOnlySpan<float> Negative(Conditioning conditioning, CancellationToken cancellationToken) =>
        Run(predictions => predictions.Negative(conditioning, _step), _negative, cancellationToken);

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        foreach (UNetPredictions predictions in _predictions)
            predictions.Dispose();
        _control?.Dispose();
        _input.Dispose();
    }

    private ReadOnlySpan<float> Run(Func<UNetPredictions, UNetPrediction> find, Tensor sum, CancellationToken cancellationToken)
    {
        if (_windows is null)
            return find(_predictions[0]).Run(_number, cancellationToken);

        sum.Span.Clear();
        for (int window = 0; window < _windows.Count; window++)
        {
            int length = sum.Shape[1] * _windows.Height * _windows.Width;
            _windows.Cut(_sample, window, _input.Sample.Values);
            if (_added is not null)
                _windows.Cut(_added, window, _input.Sample.Values.AsSpan(length));
            _control?.UploadImages(image => _windows.Cut(_controlImages[image], window).Values);
            Upload();
            _windows.Add(find(_predictions[window % _predictions.Length]).Run(_number, cancellationToken), window, sum);
        }

        return sum.Span;
    }

    private void Upload()
    {
        _input.Upload(_timestep);
        _control?.Upload(_input.Sample.Values.AsSpan(0, _windows is null ? _sample.Length : _sample.Shape[1] * _windows.Height * _windows.Width), _timestep, _step);
    }
}
