using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The outer layers of a U-Net, bound to the memory of the whole one.</summary>
/// <param name="call">The graph of the outer layers; disposed with this object.</param>
/// <param name="interval">The whole U-Net runs in every call whose number is a multiple of it.</param>
internal sealed class OuterCall(OnnxCall call, int interval) : IDisposable
{
    private int? _made;

    /// <summary>Runs the outer layers, unless the whole U-Net must run.</summary>
    /// <param name="number">The number of the call in the whole denoising, from 0.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>False if the whole U-Net must run, which makes the features for the calls after this one.</returns>
    /// <remarks>
    /// A binding that was not used since the last multiple of the interval has no features, or old ones: at the first call, at
    /// the first one that is guided, and where a prompt changes with the steps.
    /// </remarks>
    public bool TryRun(int number, CancellationToken cancellationToken)
    {
        if (_made is not int made || made < number - (number % interval))
        {
            _made = number;
            return false;
        }

        call.Run(cancellationToken);
        return true;
    }

    public void Dispose() => call.Dispose();
}
