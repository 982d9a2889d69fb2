namespace StableDiffusion.Onnx;

/// <summary>Calls of native code that may not notice for minutes that it was cancelled: the caller does not wait for its end.</summary>
internal static class NativeCall
{
    private static readonly Lock s_lock = new();

    // Ends with the last of the runs that were left alone.
    private static Task s_leftAlone = Task.CompletedTask;

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
        if (!Wait(task, cancellationToken, grace))
        {
            task.ContinueWith(static (task, discard) => ((Action<T?>)discard!)(task.Exception is null ? task.Result : null), discard, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw new OperationCanceledException(cancellationToken);
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

    /// <summary>
    /// Runs a function that uses existing memory and may be cancelled, and leaves it alone if it goes on after that. What it
    /// uses must be released by <see cref="Release"/>.
    /// </summary>
    /// <param name="run">The function.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <param name="grace">The time that it gets to end by itself; null for some seconds.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, and had not ended soon after.</exception>
    public static T Run<T>(Func<T> run, CancellationToken cancellationToken, TimeSpan? grace = null)
    {
        if (!cancellationToken.CanBeCanceled)
            return run();

        Task<T> task = Task.Run(run, CancellationToken.None);
        if (!Wait(task, cancellationToken, grace))
        {
            lock (s_lock)
                s_leftAlone = Task.WhenAll(s_leftAlone, task);
            throw new OperationCanceledException(cancellationToken);
        }

        return task.GetAwaiter().GetResult();
    }

    /// <summary>Releases what native code may use: at once, or when all runs that were left alone have ended.</summary>
    /// <param name="used">What it used; may be null.</param>
    public static void Release(IDisposable? used)
    {
        Task leftAlone;
        lock (s_lock)
            leftAlone = s_leftAlone;
        if (leftAlone.IsCompleted)
            used?.Dispose();
        else
            leftAlone.ContinueWith(static (_, used) => ((IDisposable?)used)?.Dispose(), used, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    /// <summary>Waits for the end of a task, whether it succeeds or not.</summary>
    /// <returns>False if the waiting was cancelled, and the task went on.</returns>
    private static bool Wait(Task task, CancellationToken cancellationToken, TimeSpan? grace)
    {
        Task ended = task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            ended.Wait(cancellationToken);
            return true;
        }
        catch (OperationCanceledException)
        {
            return ended.Wait(grace ?? s_grace, CancellationToken.None);
        }
    }
}
