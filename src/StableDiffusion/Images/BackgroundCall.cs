namespace StableDiffusion.Images;

/// <summary>Calls that cannot be interrupted for seconds, such as the encoders of the image library: whoever cancels does not wait for their end.</summary>
internal static class BackgroundCall
{
    /// <summary>Runs a function on another thread, and leaves it alone when it is cancelled.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="run">The function. It may go on after the cancellation, so it must not change what others see.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static T Run<T>(Func<T> run, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? Task.Run(run, cancellationToken).WaitAsync(cancellationToken).GetAwaiter().GetResult()
        : run();
}
