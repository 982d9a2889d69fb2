namespace StableDiffusion.Onnx;

/// <summary>
/// Calls of native code that may not notice for minutes that it should end, since it was cancelled or the process uses too much
/// memory: the caller does not wait for its end.
/// </summary>
internal static class NativeCall
{
    private static readonly Lock s_lock = new();

    // Ends with the last of the runs that were left alone.
    private static Task s_leftAlone = Task.CompletedTask;

    /// <summary>The time that native code gets to end by itself after it was told to, as it usually does.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    /// <summary>How often the memory of the process is looked at.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs a function on a thread of its own, and leaves it alone if it goes on after it should end.</summary>
    /// <param name="run">The function.</param>
    /// <param name="terminate">Tells the function to end as soon as it can.</param>
    /// <param name="discard">Releases what the function made or used if it fails, or after it ends if it was left alone. Its argument is the result, null if there is none.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <param name="grace">The time that it gets to end by itself; null for some seconds.</param>
    /// <param name="watch">Throws if there is not enough memory; null to look at the memory of the process.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, and failed or had not ended soon after.</exception>
    /// <exception cref="InsufficientMemoryException">The process uses more memory than the limit, and the function failed or had not ended soon after.</exception>
    /// <exception cref="InvalidSettingException">The limit of the memory is not a number, and the function failed or had not ended soon after.</exception>
    public static T Run<T>(Func<T> run, Action terminate, Action<T?> discard, CancellationToken cancellationToken, TimeSpan? grace = null, Action? watch = null)
        where T : class
    {
        Task<T> task = Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Exception? reason = Wait(task, terminate, cancellationToken, grace, watch);
        if (!task.IsCompleted)
        {
            task.ContinueWith(static (task, discard) => ((Action<T?>)discard!)(task.Exception is null ? task.Result : null), discard, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw reason!;
        }

        try
        {
            return Result(task, reason);
        }
        catch
        {
            discard(null);
            throw;
        }
    }

    /// <summary>
    /// Runs a function that uses existing memory and may be cancelled, and leaves it alone if it goes on after it should end. What
    /// it uses must be released by <see cref="Release"/>.
    /// </summary>
    /// <param name="run">The function.</param>
    /// <param name="terminate">Tells the function to end as soon as it can.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <param name="grace">The time that it gets to end by itself; null for some seconds.</param>
    /// <param name="watch">Throws if there is not enough memory; null to look at the memory of the process.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, and failed or had not ended soon after.</exception>
    /// <exception cref="InsufficientMemoryException">The process uses more memory than the limit, and the function failed or had not ended soon after.</exception>
    /// <exception cref="InvalidSettingException">The limit of the memory is not a number, and the function failed or had not ended soon after.</exception>
    public static T Run<T>(Func<T> run, Action terminate, CancellationToken cancellationToken, TimeSpan? grace = null, Action? watch = null)
    {
        if (!cancellationToken.CanBeCanceled)
            return run();

        Task<T> task = Task.Run(run, CancellationToken.None);
        Exception? reason = Wait(task, terminate, cancellationToken, grace, watch);
        if (!task.IsCompleted)
        {
            lock (s_lock)
                s_leftAlone = Task.WhenAll(s_leftAlone, task);
            throw reason!;
        }

        return Result(task, reason);
    }

    /// <summary>Releases what native code may use: at once, or when all runs that were left alone have ended.</summary>
    /// <param name="used">What it used; may be null.</param>
    public static void Release(IDisposable? used)
    {
        lock (s_lock)
        {
            // What was to be released before is released before.
            if (!s_leftAlone.IsCompleted)
            {
                s_leftAlone = s_leftAlone.ContinueWith(static (_, used) => ((IDisposable?)used)?.Dispose(), used, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                return;
            }
        }

        used?.Dispose();
    }

    /// <summary>Waits until all runs that were left alone have ended.</summary>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void WaitForLeftAlone(CancellationToken cancellationToken)
    {
        Task leftAlone;
        lock (s_lock)
            leftAlone = s_leftAlone;
        leftAlone.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait(cancellationToken);
    }

    /// <summary>Waits for the end of a task, whether it succeeds or not.</summary>
    /// <returns>Why it was told to end, whether it has ended since or not; null if it ended by itself.</returns>
    private static Exception? Wait(Task task, Action terminate, CancellationToken cancellationToken, TimeSpan? grace, Action? watch)
    {
        Task ended = task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            while (!ended.Wait((int)s_interval.TotalMilliseconds, cancellationToken))
                (watch ?? MemoryWatch.Check)();
            return null;
        }
        catch (Exception error) when (error is OperationCanceledException or InsufficientMemoryException or InvalidSettingException)
        {
            terminate();
            ended.Wait(grace ?? s_grace, CancellationToken.None);
            return error;
        }
    }

    /// <summary>The result of a task that has ended. One that was told to end usually fails, which is not an error of its own.</summary>
    private static T Result<T>(Task<T> task, Exception? reason) => reason is null || task.IsCompletedSuccessfully ? task.GetAwaiter().GetResult() : throw reason;
}
