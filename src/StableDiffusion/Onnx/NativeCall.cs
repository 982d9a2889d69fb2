namespace StableDiffusion.Onnx;

/// <summary>Calls of native code that may not notice for minutes that it was cancelled: the caller does not wait for its end.</summary>
internal static class NativeCall
{
    /// <summary>The time that native code gets to end by itself after it was cancelled, as it usually does.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    /// <summary>Runs a function on a thread of its own, and leaves it alone if it goes on after it was cancelled.</summary>
    /// <param name="run">The function; it looks at the cancellation itself as well as it can.</param>
    /// <param name="discard">Releases what the function made or used if it fails, or after it ends if it was left alone. Its argument is the result, null if there is none.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <param name="grace">The time that it gets to end by itself; null for some seconds.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, and had not ended soon after.</exception>
    public static T Run<T>(Func<T> run, Action<T?> discard, CancellationToken cancellationToken, TimeSpan? grace = null)
        where T : class
    {
        Task<T> task = Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task ended = task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            ended.Wait(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            if (!ended.Wait(grace ?? s_grace, CancellationToken.None))
            {
                task.ContinueWith(static (task, discard) => ((Action<T?>)discard!)(task.Exception is null ? task.Result : null), discard, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                throw;
            }
        }

        try
        {
            return task.GetAwaiter().GetResult();
        }
        catch
        {
            discard(null);
            throw;
        }
    }
}
