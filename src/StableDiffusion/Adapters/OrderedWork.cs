using System.Runtime.ExceptionServices;

namespace StableDiffusion.Adapters;

/// <summary>Does work on several threads as if it were done in order on one: the same error ends it in each run.</summary>
internal static class OrderedWork
{
    /// <summary>Works on each of some items. They are begun in their order, and each is independent of the others.</summary>
    /// <typeparam name="T">The type of the items.</typeparam>
    /// <param name="items">The items.</param>
    /// <param name="threads">How many are worked on at a time; at least 1.</param>
    /// <param name="work">The work on an item, on any thread.</param>
    /// <param name="cancellationToken">Cancels the rest. The work itself should heed it too.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <remarks>An error of the work is thrown as it is when all that was begun has ended: that of the first item that failed. Later items are not begun, earlier ones are.</remarks>
    public static void Run<T>(IReadOnlyList<T> items, int threads, Action<T> work, CancellationToken cancellationToken)
    {
        int next = -1, failed = items.Count;
        ExceptionDispatchInfo? error = null;
        Lock gate = new();
        int most = Math.Clamp(threads, 1, Math.Max(items.Count, 1));
        Parallel.For(0, most, new ParallelOptions { MaxDegreeOfParallelism = most }, _ =>
        {
            int index;
            while (!cancellationToken.IsCancellationRequested && (index = Interlocked.Increment(ref next)) < Volatile.Read(ref failed))
            {
                try
                {
                    work(items[index]);
                }
                catch (Exception fault)
                {
                    lock (gate)
                    {
                        if (index < failed)
                            (failed, error) = (index, ExceptionDispatchInfo.Capture(fault));
                    }
                }
            }
        });
        cancellationToken.ThrowIfCancellationRequested();
        error?.Throw();
    }
}
